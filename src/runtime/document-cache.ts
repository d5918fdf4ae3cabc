/** Documents as this worker itself stored them, so that the next batch need not read them (I4). */
import type { Document } from "../core/definition.ts";
import type { Checkpoint } from "./ports.ts";

/** `document` null: there is none. */
interface Row {
  readonly key: string;
  readonly document: Document | null;
}

/** Rows by key. */
export type CachedRows<R extends Row> = Map<string, R>;

export interface DocumentCache<R extends Row> {
  /**
   * Taken out: empty unless `from` is the checkpoint that the last `keep` of its partition stored. Whatever then fails, is refused or stays unknown leaves
   * nothing behind; the compare-and-set that ends the batch confirms that nobody else has moved the checkpoint since.
   */
  take(from: Checkpoint): CachedRows<R>;
  /** After the commit of `to`: `rows` as taken, and what the batch wrote. */
  keep(rows: CachedRows<R>, to: Checkpoint, written: readonly R[]): void;
}

/** Of one partition. */
const maxRows = 2_000;
const maxBytes = 2_000_000;

interface Kept<R extends Row> {
  readonly to: Checkpoint;
  readonly rows: CachedRows<R>;
}

export function documentCache<R extends Row>(): DocumentCache<R> {
  const partitions = new Map<number, Kept<R>>();
  let bytesEach = 0;
  return {
    take(from) {
      const kept = partitions.get(from.partition);
      partitions.delete(from.partition);
      return kept !== undefined && kept.to.position === from.position && kept.to.eventId === from.eventId ? kept.rows : new Map();
    },
    keep(rows, to, written) {
      const sample = written[0]?.document;
      if (sample !== undefined && sample !== null) {
        const bytes = JSON.stringify(sample).length;
        bytesEach = bytesEach === 0 ? bytes : bytesEach * 0.9 + bytes * 0.1;
      }
      for (const row of written) {
        rows.delete(row.key);
        rows.set(row.key, row);
      }
      const most = Math.min(maxRows, Math.floor(maxBytes / Math.max(1, bytesEach)));
      for (const key of rows.keys()) {
        if (rows.size <= most) break;
        rows.delete(key);
      }
      partitions.set(to.partition, { to, rows });
    },
  };
}
