/** A sum of events that does not depend on the order of partitions: what is read must be what was written, no event less, none twice. */
import { murmur2 } from "../../src/core/partition.ts";
import { orderEvents } from "./events.ts";

export interface Digest {
  readonly count: number;
  readonly sum: number;
}

export function digest() {
  let count = 0;
  let sum = 0;
  return {
    add(stream: string, version: number, id: string): void {
      count += 1;
      sum = (sum + (murmur2(Buffer.from(`${stream} ${version} ${id}`)) >>> 0)) % 2 ** 48;
    },
    get: (): Digest => ({ count, sum }),
  };
}

const known = new Map<number, Digest>();

/** Of the first `events` of log `orders`. */
export function orderDigest(events: number): Digest {
  const before = known.get(events);
  if (before !== undefined) return before;
  const made = digest();
  for (const { stream, version, id } of orderEvents({ events, partitions: 1 })) made.add(stream, version, id);
  known.set(events, made.get());
  return made.get();
}
