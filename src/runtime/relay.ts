/**
 * Carries committed events from the write store to Kafka, one log (I2, I3).
 * It trusts nothing it remembers: where it is comes from Kafka's tail, read before the store's, and every read of the store begins with
 * the event that was last handled. So a second relay, a crash or a repeat only adds duplicates, which readers skip.
 */
import { takeNext } from "../core/sequence.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import { requireSame } from "./events-transport.ts";
import type { EventStore, LogIdentity, LogWriter, Logger, StoredEvent } from "./ports.ts";
import { type Wake, pause, wake } from "./wake.ts";

export interface RelayOptions {
  readonly store: EventStore;
  readonly identity: LogIdentity;
  /** Creates the topic or checks it; `create: false`: positions were relayed to it, so a missing one is LOG_DIVERGED. */
  readonly openWriter: (identity: LogIdentity, options: { readonly create: boolean }) => Promise<LogWriter>;
  readonly logger: Logger;
  /** The largest event that commands may append, in bytes: a topic that takes less is refused at start. */
  readonly maxEventBytes: number;
  /** false: run beside another relay of the same log. Harmless; for tests. */
  readonly exclusive?: boolean;
  /** Events per partition and read. */
  readonly batch?: number;
}

export type RelayState = "waiting" | "starting" | "running" | "retrying" | "diverged" | "stopped";

export interface Relay {
  readonly log: string;
  state(): { readonly state: RelayState; readonly problem: string | null; readonly relayed: readonly number[] };
  stop(): Promise<void>;
}

interface PartitionState {
  readonly partition: number;
  /** Read from the store and handed to the writer. */
  position: number;
  eventId: string | null;
  /** Acknowledged by Kafka. */
  acknowledged: number;
  recovering: boolean;
  /** Failed sends since the last one that was acknowledged. */
  failures: number;
  sending: boolean;
  /** Its send takes long: the others go on without it. */
  slow: boolean;
}

const recordEveryMs = 5_000;
/** So long the next round waits for sends under way, before it goes on without them. */
const slowSendMs = 200;
/** Nobody waits for this: it only covers a lost notification. */
const slowPollMs = 5_000;

export function relay(options: RelayOptions): Relay {
  const { store, identity, logger } = options;
  const stop = new AbortController();
  const appended = wake();
  let state = "waiting" as RelayState;
  let problem: string | null = null;
  let relayed: readonly number[] = [];

  const enter = (next: RelayState, why: unknown = null) => {
    const said = why === null ? null : why instanceof Error ? why.message : String(why);
    if (next !== state || said !== problem) {
      const fields = { log: identity.log, ...(said === null ? {} : { problem: said }) };
      if (next === "diverged") logger.error(`relay of log '${identity.log}' refused`, fields);
      else if (next === "retrying") logger.warn(`relay of log '${identity.log}' is interrupted and tries again`, fields);
      else logger.info(`relay of log '${identity.log}' is ${next}`, fields);
    }
    state = next;
    problem = said;
  };

  const done = (async () => {
    let backOffMs = 100;
    const unsubscribe = await untilDone(stop.signal, () => store.onAppended((log) => (log === undefined || log === identity.log) && appended.signal()), (error) => enter("retrying", error));
    while (!stop.signal.aborted) {
      try {
        const run = async (lost: AbortSignal) => {
          const ended = AbortSignal.any([lost, stop.signal]);
          if (state === "waiting") enter("starting");
          try {
            await runOnce(options, ended, appended, (positions) => {
              relayed = positions;
              backOffMs = 100;
              enter("running");
            });
          } finally {
            if (lost.aborted && !stop.signal.aborted) enter("waiting");
          }
        };
        if (state !== "retrying") enter("waiting");
        if (options.exclusive === false) await run(new AbortController().signal);
        else await store.withOwnership(`relay ${identity.log}`, stop.signal, run);
        // Its turn is over, by a lost ownership for instance.
        await pause(backOffMs, stop.signal);
      } catch (error) {
        if (stop.signal.aborted) break;
        if (isRefusal(error)) {
          enter("diverged", error);
          return unsubscribe?.();
        }
        enter("retrying", error);
        await pause(backOffMs, stop.signal);
        backOffMs = Math.min(backOffMs * 2, 2_000);
      }
    }
    enter("stopped");
    await unsubscribe?.();
  })();

  return {
    log: identity.log,
    state: () => ({ state, problem, relayed }),
    async stop() {
      stop.abort();
      await done;
    },
  };
}

const isRefusal = (error: unknown) => isTidemarkError(error, "LOG_DIVERGED") || isTidemarkError(error, "INVALID_SETTING") || isTidemarkError(error, "PARTITIONS_CHANGED") || isTidemarkError(error, "PARTITIONS_CHANGED");

async function untilDone<T>(stop: AbortSignal, attempt: () => Promise<T>, failed: (error: unknown) => void): Promise<T | undefined> {
  while (!stop.aborted) {
    try {
      return await attempt();
    } catch (error) {
      failed(error);
      await pause(500, stop);
    }
  }
  return undefined;
}

async function runOnce({ store, identity, openWriter, logger, maxEventBytes, batch = 1_000 }: RelayOptions, ended: AbortSignal, appended: Wake, progress: (relayed: readonly number[]) => void): Promise<void> {
  const { log } = identity;
  const create = (await store.relayed(log)).every(({ position }) => position === 0);
  const writer = await openWriter(identity, { create });
  const inFlight = new Map<PartitionState, Promise<void>>();
  const recoveries = new Set<Promise<void>>();
  const broken = new AbortController();
  const over = AbortSignal.any([ended, broken.signal]);
  try {
    if (writer.maxRecordBytes < maxEventBytes) {
      throw new TidemarkError("INVALID_SETTING", { setting: `max.message.bytes of the topic of log '${log}'`, problem: `it takes ${writer.maxRecordBytes} bytes, events may have ${maxEventBytes}` });
    }
    for (const weakness of writer.weaknesses) logger.warn(`topic of log '${log}': ${weakness}`, { log });
    const states = await startingPoints(store, identity, writer);
    const positions = () => states.map((s) => s.acknowledged);
    let recordedAt = Number.NEGATIVE_INFINITY;
    const record = async () => {
      recordedAt = performance.now();
      await store.recordRelayed(log, states.map((s) => ({ partition: s.partition, position: s.acknowledged, topicId: writer.topicId })));
    };
    await record();
    progress(positions());

    /** That partition stops, reads the tail again and resumes; the others go on. */
    const recover = async (s: PartitionState, cause: unknown) => {
      s.recovering = true;
      s.failures += 1;
      logger.warn(`relay of log '${log}': partition ${s.partition} was not sent, reading the tail again`, { log, partition: s.partition, problem: String(cause) });
      // A topic that can be read and not be written to is not asked in a hot loop.
      if (s.failures > 1) await pause(Math.min(50 * 2 ** (s.failures - 2), 2_000), over);
      for (let backOffMs = 50; !over.aborted; backOffMs = Math.min(backOffMs * 2, 2_000)) {
        try {
          if (isTidemarkError(cause, "LOG_DIVERGED")) throw cause;
          const [fresh] = await startingPoints(store, identity, writer, [s.partition]);
          Object.assign(s, { ...fresh, failures: s.failures });
          return appended.signal();
        } catch (error) {
          if (isTidemarkError(error, "LOG_DIVERGED")) return broken.abort(error);
          await pause(backOffMs, over);
        }
      }
    };
    const send = async (s: PartitionState, events: readonly StoredEvent[]) => {
      s.sending = true;
      try {
        await writer.send(s.partition, events).finally(() => (s.sending = false));
        s.acknowledged = events.at(-1)!.position;
        s.failures = 0;
        progress(positions());
      } catch (error) {
        const recovery: Promise<void> = recover(s, error).finally(() => recoveries.delete(recovery));
        recoveries.add(recovery);
      }
      if (s.slow) appended.signal();
      s.slow = false;
    };

    while (!over.aborted) {
      const ticket = appended.ticket();
      const asked = states.filter((s) => !s.recovering && !s.slow).map((s) => ({ s, partition: s.partition, position: s.position, eventId: s.eventId }));
      const rows = asked.length === 0 ? [] : await store.read(log, asked.map((a) => ({ partition: a.partition, position: Math.max(a.position, 1) })), batch + 1);
      // A partition that went back to its tail during the read was asked for by another position.
      const next = asked.filter((a) => !a.s.recovering && a.s.position === a.position).map((a) => ({ s: a.s, events: eventsAfter(log, a, rows) }));
      // The last sends were under way during this read. At most one send per partition is in flight (I2).
      const awaited = [...inFlight].flatMap(([s, sending]) => (s.slow ? [] : sending));
      if (awaited.length > 0) await within(slowSendMs, Promise.all(awaited));
      for (const s of states) s.slow = s.sending;
      if (performance.now() - recordedAt > recordEveryMs) await record();
      let sent = false;
      for (const { s, events } of next) {
        const last = events.at(-1);
        if (last === undefined || s.recovering || s.sending || events[0]!.position !== s.position + 1) continue;
        s.position = last.position;
        s.eventId = last.id;
        sent = true;
        inFlight.set(s, send(s, events).finally(() => inFlight.delete(s)));
      }
      if (!sent) await appended.after(ticket, { maxWaitMs: slowPollMs, signal: over });
    }
    await Promise.all(inFlight.values());
    if (broken.signal.aborted) throw broken.signal.reason;
    await record();
  } finally {
    broken.abort();
    await Promise.allSettled([...inFlight.values(), ...recoveries]);
    await writer.close();
  }
}

/** Resolves when `work` has ended, or after `ms`. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const ended = new AbortController();
  await Promise.race([work, pause(ms, ended.signal)]);
  ended.abort();
}

/** Kafka's tail first, the store's heads after it: so a tail ahead of the store is a divergence, never a race (I3). */
async function startingPoints(store: EventStore, { log, partitions }: LogIdentity, writer: LogWriter, only?: readonly number[]): Promise<PartitionState[]> {
  const wanted = only ?? [...Array(partitions).keys()];
  const diverged = (partition: number, problem: string) => new TidemarkError("LOG_DIVERGED", { log, partition, problem });
  const written = new Map((await store.relayed(log)).map((row) => [row.partition, row]));
  const tails = await writer.tails(wanted);
  const heads = await store.heads(log);
  const states = tails.map((tail): PartitionState => {
    const { partition } = tail;
    const before = written.get(partition);
    const relayedBefore = before?.position ?? 0;
    if (before !== undefined && relayedBefore > 0 && before.topicId !== writer.topicId) {
      throw diverged(partition, `its topic has the id ${writer.topicId}, positions were relayed to ${before.topicId}`);
    }
    if (relayedBefore > 0 && !tail.everWritten) throw diverged(partition, `partition ${partition} of its topic is empty, ${relayedBefore} positions were relayed`);
    const head = heads[partition] ?? 0;
    if (Math.max(tail.position, relayedBefore) > head) {
      throw diverged(partition, `partition ${partition} was relayed up to position ${Math.max(tail.position, relayedBefore)}, the write store ends at ${head}`);
    }
    const start = tail.position > 0 ? tail : { position: relayedBefore, eventId: null };
    return { partition, position: start.position, eventId: start.eventId, acknowledged: start.position, recovering: false, failures: 0, sending: false, slow: false };
  });
  // The events at the tails must be the store's: a store that was put back and went on has others there.
  const known = states.filter((s) => s.position > 0);
  const rows = known.length === 0 ? [] : await store.read(log, known, 1);
  for (const s of known) requireSame(log, s, rows.find((row) => row.partition === s.partition));
  return states;
}

function eventsAfter(log: string, s: Pick<PartitionState, "partition" | "position" | "eventId">, rows: readonly StoredEvent[]): readonly StoredEvent[] {
  const own = rows.filter((row) => row.partition === s.partition);
  requireSame(log, s, own[0]);
  return takeNext({ log, ...s }, own);
}
