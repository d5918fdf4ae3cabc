/** Whether the disk under an embedded database has room. A database that meets a full disk in the middle of a commit panics, and PGlite then spins for ever: it must not get there. */
import { existsSync, statfsSync } from "node:fs";
import { TidemarkError } from "../errors.ts";

/** Several of its own files of write-ahead log, of 16 MB each. */
const neededBytes = 64 * 1024 * 1024;

export interface DiskRoom {
  isThere(): boolean;
  /** Throws UNAVAILABLE while less than 64 MiB are free on the disk; goes on by itself when there is room again. */
  require(): void;
}

/** Asks the disk each time, which takes microseconds: a look that is some time ago knows nothing of a disk that has filled since. */
export function diskRoom(folder: string, label: string): DiskRoom {
  let freeBytes = Number.POSITIVE_INFINITY;
  const look = (): boolean => {
    // a folder that somebody removed is not short of room: what is wrong with it the database tells
    if (!existsSync(folder)) return true;
    const { bavail, blocks, bsize } = statfsSync(folder);
    // a file system that does not count says that it has no blocks at all
    freeBytes = blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
    return freeBytes >= neededBytes;
  };
  return {
    isThere: look,
    require() {
      if (look()) return;
      const free = Math.floor(freeBytes / (1024 * 1024));
      throw new TidemarkError("UNAVAILABLE", {
        what: `${label} (${free} MiB are free on its disk, it needs ${neededBytes / (1024 * 1024)})`,
      });
    },
  };
}
