/**
 * Loads one log of a generation that nobody reads, in bulk, up to where the log ended when it began: events are folded as they come, documents are written
 * when many are held. What fails by the events themselves, or is another's by now, is left to the ordinary feed, which says what it is.
 */
import { isTidemarkError } from "../errors.ts";
import { type BulkPartition, bulkPartition } from "./bulk-partition.ts";
import type { Batch, Checkpoint, LogReader, Logger, ViewProjection } from "./ports.ts";
import { pause } from "./wake.ts";

export interface BulkLoadOptions {
  readonly projection: ViewProjection;
  readonly log: string;
  /** Stays the caller's. */
  readonly reader: LogReader;
  readonly logger: Logger;
  readonly stop: AbortSignal;
  /** Where each partition is at the beginning. */
  readonly checkpoints: readonly Checkpoint[];
  /** By partition number. */
  readonly targets: readonly number[];
  readonly onStored: (checkpoint: Checkpoint) => void;
  readonly limits?: Partial<BulkLimits>;
}

/** What is held in memory over all partitions, not counting what is kept of what was written (as much again); twice as much, with what is being written, where writing is slower than reading. */
export interface BulkLimits {
  readonly documents: number;
  /** Of documents' JSON; as objects they take several times that. */
  readonly bytes: number;
  /** Of one partition, taken and not stored: then its checkpoint moves, however few documents it holds. */
  readonly events: number;
  /** Of one partition. */
  readonly maxEventsPerFetch: number;
}

const defaults: BulkLimits = { documents: 50_000, bytes: 6_000_000, events: 200_000, maxEventsPerFetch: 1_000 };
const flushesInFlight = 2;
const pollMs = 5_000;
const backOffMs = 100;

type Cursors = ReadonlyMap<BulkPartition, Checkpoint>;
interface Asked {
  readonly cursors: Cursors;
  readonly answer: Promise<{ readonly batches: readonly Batch[] } | { readonly error: unknown }>;
}

/** Resolves when every partition has been loaded as far as it goes in bulk, or `stop` aborts: what is held then is dropped. Never throws for what may pass. */
export async function bulkLoad({
  projection,
  log,
  reader,
  logger,
  stop,
  checkpoints,
  targets,
  onStored,
  ...options
}: BulkLoadOptions): Promise<void> {
  const limits = { ...defaults, ...options.limits };
  const about = { view: projection.view.name, generation: projection.generation, log };
  const name = `view '${about.view}' (generation ${about.generation}), log '${log}'`;
  let troubled = false;
  const trouble = (what: string, error: unknown): void => {
    if (!troubled) logger.warn(`${name}: ${what}, trying again`, { ...about, problem: String(error) });
    troubled = true;
  };
  const partitions = checkpoints.flatMap((start): BulkPartition[] => {
    const made = bulkPartition({
      projection,
      start,
      target: targets[start.partition] ?? 0,
      keep: { documents: Math.ceil(limits.documents / checkpoints.length), bytes: Math.ceil(limits.bytes / checkpoints.length) },
      onStored(checkpoint) {
        troubled = false;
        onStored(checkpoint);
      },
      onTrouble: trouble,
      onLeft: (why, level) =>
        logger[level](`${name}: partition ${start.partition} goes on without a bulk load`, {
          ...about,
          partition: start.partition,
          problem: String(why),
        }),
    });
    return made === null ? [] : [made];
  });

  const sum = (of: (p: BulkPartition) => number): number => partitions.reduce((all, p) => all + of(p), 0);
  const isMuch = (): boolean => sum((p) => p.held().documents) >= limits.documents || sum((p) => p.held().bytes) >= limits.bytes;
  const isTooMuch = (): boolean =>
    sum((p) => p.held().documents + p.writing.documents) >= limits.documents * 2 ||
    sum((p) => p.held().bytes + p.writing.bytes) >= limits.bytes * 2;
  /** The partition that is written next: one that is far ahead of its checkpoint, or the fullest where much is held. */
  const due = (): BulkPartition | undefined => {
    const idle = partitions.filter((p) => !p.flushing);
    const far = idle.find((p) => p.behind >= limits.events);
    if (far !== undefined || !isMuch()) return far;
    return idle.filter((p) => p.held().documents > 0).toSorted((a, b) => b.held().documents - a.held().documents)[0];
  };
  /** Begins to write the partitions that are due, and waits where reading is that far ahead of it. */
  const makeRoom = async (): Promise<void> => {
    while (!stop.aborted) {
      const busy = partitions.filter((p) => p.flushing);
      const next = due();
      if (busy.length < flushesInFlight && next !== undefined) void next.flush();
      else if (busy.length > 0 && isTooMuch()) await Promise.race(busy.map((p) => p.flush()));
      else return;
    }
  };

  const ended = new AbortController();
  const ask = (cursors: Cursors): Asked => ({
    cursors,
    answer: reader
      .fetch([...cursors.values()], {
        maxEvents: limits.maxEventsPerFetch,
        maxWaitMs: pollMs,
        signal: AbortSignal.any([stop, ended.signal]),
      })
      .then(
        (batches) => ({ batches }),
        (error: unknown) => ({ error }),
      ),
  });
  const unreadable = async ({ cursors }: Asked, error: unknown): Promise<void> => {
    if (!isTidemarkError(error, "LOG_GAP") && !isTidemarkError(error, "LOG_DIVERGED")) {
      trouble("the log cannot be read", error);
      return pause(backOffMs, stop);
    }
    const { partition } = error.details;
    for (const [p, cursor] of cursors) if ((partition === undefined || p.partition === partition) && p.cursor === cursor) p.block();
  };

  let ahead: Asked | null = null;
  while (!stop.aborted && partitions.some((p) => !p.done)) {
    for (const p of partitions) if (p.spent && !p.done && !(await p.reload())) await pause(backOffMs, stop);
    const wanting: readonly BulkPartition[] = partitions.filter((p) => p.wants);
    if (wanting.length === 0) {
      await Promise.all(partitions.map((p) => p.flush()));
      continue;
    }
    const asked: Asked = ahead ?? ask(new Map(wanting.map((p) => [p, p.cursor])));
    ahead = null;
    const answer = await asked.answer;
    if ("error" in answer) {
      await unreadable(asked, answer.error);
      continue;
    }
    const taken = answer.batches.flatMap((batch) => {
      const p = wanting.find((each) => each.partition === batch.partition);
      // what was fetched for a cursor that was put back meanwhile is dropped
      return p === undefined || asked.cursors.get(p) !== p.cursor ? [] : [{ p, batch, to: { ...batch.next, log } }];
    });
    // the next ones are on their way while these are folded
    const after = new Map(wanting.map((p) => [p, taken.find((each) => each.p === p)?.to ?? p.cursor]));
    const further = new Map([...after].filter(([p, { position }]) => position < (targets[p.partition] ?? 0)));
    if (further.size > 0) ahead = ask(further);
    for (const { p, batch, to } of taken) {
      await p.take(batch, to);
      await makeRoom();
    }
  }
  ended.abort();
  await ahead?.answer;
  await Promise.all(partitions.filter((p) => p.flushing).map((p) => p.flush()));
}
