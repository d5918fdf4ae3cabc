/** States of streams as the last commit of this process left them. A hint: append confirms the version before anything rests on it. */
import { LRUCache } from "lru-cache";

export interface StreamState {
  readonly version: number;
  readonly state: unknown;
  /** Where the stream could not be folded: every command on it fails with this. */
  readonly fault?: unknown;
}

export interface StateCache {
  get(log: string, stream: string): StreamState | undefined;
  /** Only after a commit, with the epoch that was read before the call was sent: an answer of an older epoch fills nothing. */
  set(log: string, stream: string, state: StreamState, epoch: number): void;
  drop(log: string, stream: string): void;
  readonly size: number;
}

/** `epoch` is raised at every lost connection; all entries of an older epoch are dropped. */
export function stateCache(maxStreams: number, epoch: () => number): StateCache {
  const entries = new LRUCache<string, StreamState>({ max: maxStreams });
  let filledIn = epoch();
  const key = (log: string, stream: string) => `${log}\u0000${stream}`;
  const refresh = (): void => {
    if (filledIn === epoch()) return;
    entries.clear();
    filledIn = epoch();
  };
  return {
    get(log, stream) {
      refresh();
      return entries.get(key(log, stream));
    },
    set(log, stream, state, askedIn) {
      refresh();
      if (askedIn === filledIn) entries.set(key(log, stream), state);
      else entries.delete(key(log, stream));
    },
    drop: (log, stream) => void entries.delete(key(log, stream)),
    get size() {
      refresh();
      return entries.size;
    },
  };
}
