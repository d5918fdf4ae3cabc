/**
 * Feeds one (view, generation) from one log: fetches in batches, keeps one apply in flight per partition while the next batch gathers (I7),
 * and goes by the view store's checkpoint alone (I4). Another owner of the same partition costs a lost compare-and-set, never a wrong row.
 */
import { isTidemarkError, type TidemarkError } from "../errors.ts";
import type { Batch, Checkpoint, Cursor, Failure, LogReader, Logger, ViewProjection } from "./ports.ts";
import { pause, wake } from "./wake.ts";

export interface FeedOptions {
  readonly projection: ViewProjection;
  readonly log: string;
  /** The feed's own from now on: closed with it. */
  readonly reader: LogReader;
  readonly logger: Logger;
  /** Called after each checkpoint this feed moved. */
  readonly onApplied?: (checkpoint: Checkpoint) => void;
  /** Called when a partition stands still, or is no longer fed. */
  readonly onStopped?: () => void;
}

export interface Feed {
  readonly log: string;
  /** The whole new assignment; what is no longer in it ends with the apply in flight. */
  assign(checkpoints: readonly Checkpoint[]): void;
  partitions(): readonly { readonly partition: number; readonly position: number; readonly failure: Failure | null }[];
  stop(): Promise<void>;
}

interface Partition {
  checkpoint: Checkpoint;
  /** Fetched up to here. */
  cursor: Cursor;
  queue: Batch[];
  applying: boolean;
  /** What it stands still for; also while it is tried again. */
  failure: Failure | null;
  /** Nothing is read or applied: for good, or until the next attempt. */
  standing: boolean;
  /** Before the next attempt on storage that is not the expected one; grows. */
  lostPauseMs: number;
  /** The log cannot be read on from here; what was read before it is still to be applied. */
  blocked: { readonly problem: string; readonly position: number } | null;
  assigned: boolean;
}

const maxEventsPerFetch = 2_000;
const maxEventsPerApply = 5_000;
const maxEventsQueued = 10_000;
/** A long poll ends by itself this often; nothing depends on it. */
const longPollMs = 5_000;
/** While a full partition is left out of the poll, it must not wait long to be let in again. */
const shortPollMs = 50;
const firstLostPauseMs = 100;
const longestLostPauseMs = 5_000;

export function feed({ projection, log, reader, logger, onApplied, onStopped }: FeedOptions): Feed {
  const { view, generation } = projection;
  const name = `view '${view.name}' (generation ${generation}), log '${log}'`;
  const stop = new AbortController();
  const changed = wake();
  const partitions = new Map<number, Partition>();
  const working = new Set<Promise<void>>();
  let troubled = false;
  let interrupt = new AbortController();

  const queued = (p: Partition) => p.queue.reduce((sum, batch) => sum + batch.events.length, 0);
  const rouse = () => {
    interrupt.abort();
    changed.signal();
  };
  const reset = (p: Partition, checkpoint: Checkpoint) => {
    // somebody else has gone on, and with that taken the failure back
    if (checkpoint.position !== p.checkpoint.position) goesOn(p);
    p.checkpoint = checkpoint;
    p.cursor = checkpoint;
    p.queue = [];
    p.blocked = null;
    rouse();
  };
  const goesOn = (p: Partition) => {
    p.failure = null;
    p.lostPauseMs = firstLostPauseMs;
  };
  const stand = async (p: Partition, problem: string, position: number) => {
    p.standing = true;
    p.failure = { log, partition: p.checkpoint.partition, position, problem, at: new Date().toISOString() };
    p.queue = [];
    onStopped?.();
    logger.error(`${name}: partition ${p.checkpoint.partition} stands still`, {
      view: view.name,
      generation,
      log,
      partition: p.checkpoint.partition,
      position,
      problem,
    });
    try {
      await projection.recordFailure(log, p.checkpoint.partition, p.failure);
    } catch (error) {
      logger.error(`${name}: the failure could not be written down`, { problem: String(error) });
    }
  };
  /** Refused, though nobody moved the checkpoint: this generation was retired, or belongs to another release now. */
  const fence = (p: Partition) => {
    logger.info(`${name}: partition ${p.checkpoint.partition} is no longer fed by this release`, {
      view: view.name,
      generation,
      log,
      partition: p.checkpoint.partition,
    });
    p.assigned = false;
    p.queue = [];
    // It may be another one's by now.
    if (partitions.get(p.checkpoint.partition) === p) partitions.delete(p.checkpoint.partition);
    onStopped?.();
    rouse();
  };
  /** What is true is in the store: read it until it answers. */
  const reload = async (p: Partition, moved = false) => {
    for (let backOffMs = 50; !stop.signal.aborted && p.assigned; backOffMs = Math.min(backOffMs * 2, 2_000)) {
      try {
        const before = p.checkpoint;
        const now = await projection.checkpoint(log, before.partition);
        if (moved && now.position === before.position && now.eventId === before.eventId) return fence(p);
        return reset(p, now);
      } catch (error) {
        if (isTidemarkError(error, "GENERATION_MOVED")) return fence(p);
        trouble("the checkpoint cannot be read", error);
        await pause(backOffMs, stop.signal);
      }
    }
  };
  /** Storage may be brought back: asked for again, and standing in everybody's sight until then. */
  const standUntilBack = async (p: Partition, error: TidemarkError<"VIEW_STORE_DIVERGED">) => {
    if (p.failure === null) await stand(p, `${error.code}: ${error.message}`, p.checkpoint.position + 1);
    p.standing = true;
    p.queue = [];
    await pause(p.lostPauseMs, stop.signal);
    p.lostPauseMs = Math.min(p.lostPauseMs * 2, longestLostPauseMs);
    p.standing = false;
    await reload(p);
  };
  const trouble = (what: string, error: unknown) => {
    if (!troubled) logger.warn(`${name}: ${what}, trying again`, { view: view.name, generation, log, problem: String(error) });
    troubled = true;
  };
  const fine = () => {
    if (troubled) logger.info(`${name}: goes on`, { view: view.name, generation, log });
    troubled = false;
  };

  const applyNext = async (p: Partition) => {
    const batches: Batch[] = [];
    let count = 0;
    while (p.queue[0] !== undefined && (count === 0 || count + p.queue[0].events.length <= maxEventsPerApply)) {
      count += p.queue[0].events.length;
      batches.push(p.queue.shift()!);
    }
    const from = p.checkpoint;
    let to: Checkpoint = { ...batches.at(-1)!.next, log };
    let events = batches.flatMap((batch) => batch.events);
    let failed: TidemarkError<"HANDLER_FAILED"> | null = null;
    while (events.length > 0) {
      try {
        if ((await projection.apply(from, to, events)) === "moved") return await reload(p, true);
        p.checkpoint = to;
        if (p.failure !== null) logger.info(`${name}: partition ${to.partition} goes on`, { view: view.name, generation, log });
        goesOn(p);
        fine();
        onApplied?.(to);
        break;
      } catch (error) {
        if (isTidemarkError(error, "VIEW_STORE_DIVERGED")) return await standUntilBack(p, error);
        if (!isTidemarkError(error, "HANDLER_FAILED")) {
          trouble("a batch was not applied", error);
          await pause(100, stop.signal);
          return reload(p);
        }
        // What comes before the failing event is applied all the same; it may hold another one.
        failed = error;
        const { position } = error.details;
        events = events.filter((event) => event.position < position);
        const last = events.at(-1);
        if (last !== undefined) to = { ...from, position: last.position, eventId: last.id, logId: to.logId };
      }
    }
    if (failed !== null) await stand(p, failed.message, failed.details.position);
  };
  /** What was read before the place that cannot be read is applied first. */
  const standIfBlocked = async (p: Partition) => {
    if (p.blocked === null || p.standing || p.queue.length > 0 || !p.assigned || stop.signal.aborted) return;
    await stand(p, p.blocked.problem, p.blocked.position);
  };
  const work = (p: Partition) => {
    if (p.applying || p.standing || p.queue.length === 0) return;
    const run = async () => {
      while (p.assigned && !p.standing && p.queue.length > 0 && !stop.signal.aborted) {
        const wasFull = queued(p) >= maxEventsQueued;
        try {
          await applyNext(p);
        } catch (error) {
          trouble("a batch was not applied", error);
          await pause(100, stop.signal);
          await reload(p);
        }
        if (wasFull) changed.signal();
      }
      p.applying = false;
      await standIfBlocked(p);
    };
    p.applying = true;
    const running: Promise<void> = run().finally(() => working.delete(running));
    working.add(running);
  };

  const fetching = (async () => {
    let backOffMs = 50;
    while (!stop.signal.aborted) {
      const ticket = changed.ticket();
      interrupt = new AbortController();
      const all = [...partitions.values()].filter((p) => p.assigned && !p.standing && p.blocked === null);
      const open = all.filter((p) => queued(p) < maxEventsQueued);
      if (open.length === 0) {
        await changed.after(ticket, { signal: stop.signal });
        continue;
      }
      const asked = open.map((p) => ({ p, cursor: p.cursor }));
      try {
        const batches = await reader.fetch(
          asked.map((a) => a.cursor),
          {
            maxEvents: maxEventsPerFetch,
            maxWaitMs: open.length < all.length ? shortPollMs : longPollMs,
            signal: AbortSignal.any([stop.signal, interrupt.signal]),
          },
        );
        backOffMs = 50;
        for (const batch of batches) {
          const a = asked.find(({ cursor }) => cursor.partition === batch.partition);
          // What was fetched for a cursor that was put back meanwhile is dropped.
          if (a === undefined || a.p.cursor !== a.cursor || !a.p.assigned) continue;
          a.p.cursor = batch.next;
          a.p.queue.push(batch);
          work(a.p);
        }
      } catch (error) {
        if (isTidemarkError(error, "LOG_GAP") || isTidemarkError(error, "LOG_DIVERGED")) {
          const { partition } = error.details;
          for (const { p, cursor } of asked) {
            if ((partition !== undefined && cursor.partition !== partition) || p.cursor !== cursor) continue;
            p.blocked = { problem: `${error.code}: ${error.message}`, position: cursor.position + 1 };
            if (!p.applying) await standIfBlocked(p);
          }
        } else if (!stop.signal.aborted) {
          trouble("the log cannot be read", error);
          await pause(backOffMs, stop.signal);
          backOffMs = Math.min(backOffMs * 2, 2_000);
        }
      }
    }
  })();

  return {
    log,
    assign(checkpoints) {
      const wanted = new Map(checkpoints.map((c) => [c.partition, c]));
      for (const [partition, p] of partitions) {
        if (wanted.has(partition)) continue;
        p.assigned = false;
        partitions.delete(partition);
      }
      for (const [partition, checkpoint] of wanted) {
        if (!partitions.has(partition))
          partitions.set(partition, {
            checkpoint,
            cursor: checkpoint,
            queue: [],
            applying: false,
            failure: null,
            standing: false,
            lostPauseMs: firstLostPauseMs,
            blocked: null,
            assigned: true,
          });
      }
      rouse();
    },
    partitions: () =>
      [...partitions.values()].map((p) => ({ partition: p.checkpoint.partition, position: p.checkpoint.position, failure: p.failure })),
    async stop() {
      stop.abort();
      await fetching;
      await Promise.all(working);
      await reader.close();
    },
  };
}
