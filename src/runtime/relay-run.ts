/** One turn of a relay as the owner of its log: from the tail it finds until it is over, one send in flight per partition. */
import { takeNext } from "../core/sequence.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import { requireSame } from "./events-transport.ts";
import type { EventStore, LogIdentity, LogWriter, Logger, StoredEvent } from "./ports.ts";
import { type PartitionState, startingPoints } from "./relay-start.ts";
import { type Wake, pause } from "./wake.ts";

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

const recordEveryMs = 5_000;
/** So long the next round waits for sends under way, before it goes on without them. */
const slowSendMs = 200;
/** Nobody waits for this: it only covers a lost notification. */
const slowPollMs = 5_000;

/** Ends when `ended` aborts. @throws LOG_DIVERGED, INVALID_SETTING for what only an operator can mend; anything else may pass */
export async function runRelay(
  { store, identity, openWriter, logger, maxEventBytes, batch = 1_000 }: RelayOptions,
  ended: AbortSignal,
  appended: Wake,
  progress: (relayed: readonly number[]) => void,
): Promise<void> {
  const { log } = identity;
  const create = (await store.relayed(log)).every(({ position }) => position === 0);
  const writer = await openWriter(identity, { create });
  const inFlight = new Map<PartitionState, Promise<void>>();
  const recoveries = new Set<Promise<void>>();
  const broken = new AbortController();
  const over = AbortSignal.any([ended, broken.signal]);
  try {
    if (writer.maxRecordBytes < maxEventBytes) {
      throw new TidemarkError("INVALID_SETTING", {
        setting: `max.message.bytes of the topic of log '${log}'`,
        problem: `it takes ${writer.maxRecordBytes} bytes, events may have ${maxEventBytes}`,
      });
    }
    for (const weakness of writer.weaknesses) logger.warn(`topic of log '${log}': ${weakness}`, { log });
    const states = await startingPoints(store, identity, writer);
    const positions = () => states.map((s) => s.acknowledged);
    let recordedAt = Number.NEGATIVE_INFINITY;
    const record = async () => {
      recordedAt = performance.now();
      await store.recordRelayed(
        log,
        states.map((s) => ({ partition: s.partition, position: s.acknowledged, topicId: writer.topicId })),
      );
    };
    await record();
    progress(positions());

    /** That partition stops, reads the tail again and resumes; the others go on. */
    const recover = async (s: PartitionState, cause: unknown) => {
      s.recovering = true;
      s.failures += 1;
      logger.warn(`relay of log '${log}': partition ${s.partition} was not sent, reading the tail again`, {
        log,
        partition: s.partition,
        problem: String(cause),
      });
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
      const asked = states
        .filter((s) => !s.recovering && !s.slow)
        .map((s) => ({ s, partition: s.partition, position: s.position, eventId: s.eventId }));
      const rows =
        asked.length === 0
          ? []
          : await store.read(
              log,
              asked.map((a) => ({ partition: a.partition, position: Math.max(a.position, 1) })),
              batch + 1,
            );
      // A partition that went back to its tail during the read was asked for by another position.
      const next = asked
        .filter((a) => !a.s.recovering && a.s.position === a.position)
        .map((a) => ({ s: a.s, events: eventsAfter(log, a, rows) }));
      // The last sends were under way during this read. At most one send per partition is in flight (I2).
      const awaited = [...inFlight].flatMap(([s, sending]) => (s.slow ? [] : sending));
      if (awaited.length > 0) await within(slowSendMs, Promise.all(awaited));
      // One that was left out of this round, and is free by now, has a round of its own.
      const freed = states.some((s) => s.slow && !s.sending);
      for (const s of states) s.slow = s.sending;
      if (performance.now() - recordedAt > recordEveryMs) await record();
      let sent = false;
      for (const { s, events } of next) {
        const last = events.at(-1);
        if (last === undefined || s.recovering || s.sending || events[0]!.position !== s.position + 1) continue;
        s.position = last.position;
        s.eventId = last.id;
        sent = true;
        inFlight.set(
          s,
          send(s, events).finally(() => inFlight.delete(s)),
        );
      }
      if (!sent && !freed) await appended.after(ticket, { maxWaitMs: slowPollMs, signal: over });
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

function eventsAfter(
  log: string,
  s: Pick<PartitionState, "partition" | "position" | "eventId">,
  rows: readonly StoredEvent[],
): readonly StoredEvent[] {
  const own = rows.filter((row) => row.partition === s.partition);
  requireSame(log, s, own[0]);
  return takeNext({ log, ...s }, own);
}
