/** One turn of a relay: as long as its share of the log's partitions lasts, one send in flight per partition. */
import { takeNext } from "../core/sequence.ts";
import { TidemarkError } from "../errors.ts";
import { requireSame } from "./events-transport.ts";
import type { EventStore, LogIdentity, LogWriter, Logger, Share, StoredEvent } from "./ports.ts";
import { type RelayProgress, relayPartitions } from "./relay-partitions.ts";
import type { PartitionState } from "./relay-start.ts";
import { type Wake, pause } from "./wake.ts";

export interface RelayOptions {
  readonly store: EventStore;
  readonly identity: LogIdentity;
  /** Creates the topic or checks it; `create: false`: positions were relayed to it, so a missing one is LOG_DIVERGED. */
  readonly openWriter: (identity: LogIdentity, options: { readonly create: boolean }) => Promise<LogWriter>;
  readonly logger: Logger;
  /** The largest event that commands may append, in bytes: a topic that takes less is refused at start. */
  readonly maxEventBytes: number;
  /** false: serve all partitions, beside other relays of the same log. Harmless; for tests. */
  readonly exclusive?: boolean;
  /** Events per partition and read, at most. */
  readonly batch?: number;
}

const recordEveryMs = 5_000;
/** So long the next round waits for sends under way, before it goes on without them. */
const slowSendMs = 200;
/** Nobody waits for this: it only covers a lost notification. */
const slowPollMs = 5_000;
/** What one read of all partitions brings, about: memory stays flat, whatever the size of events is. */
const readBytes = 8 * 1024 * 1024;

/**
 * Ends when the share is lost; waits while it is empty. `woken` is signalled by appends and by changes of the share.
 * @throws LOG_DIVERGED, INVALID_SETTING for what only an operator can mend; anything else may pass
 */
export async function runRelay(options: RelayOptions, share: Share, woken: Wake, progress: RelayProgress): Promise<void> {
  const { store, identity, openWriter, logger, maxEventBytes, batch = 1_000 } = options;
  const { log } = identity;
  for (let ticket = woken.ticket(); share.parts.length === 0; ticket = woken.ticket())
    if ((await woken.after(ticket, { signal: share.lost })) === "aborted") return;
  progress.starts();
  const create = (await store.relayed(log)).every(({ position }) => position === 0);
  const writer = await openWriter(identity, { create });
  const inFlight = new Map<PartitionState, Promise<void>>();
  const broken = new AbortController();
  const over = AbortSignal.any([share.lost, broken.signal]);
  const partitions = relayPartitions(options, writer, share, woken, progress, over, (error) => broken.abort(error));
  try {
    if (writer.maxRecordBytes < maxEventBytes) {
      throw new TidemarkError("INVALID_SETTING", {
        setting: `max.message.bytes of the topic of log '${log}'`,
        problem: `it takes ${writer.maxRecordBytes} bytes, events may have ${maxEventBytes}`,
      });
    }
    for (const weakness of writer.weaknesses) logger.warn(`topic of log '${log}': ${weakness}`, { log });
    await partitions.begin(share.parts);
    let recordedAt = performance.now();

    const send = async (s: PartitionState, events: readonly StoredEvent[]) => {
      s.sending = true;
      try {
        await writer.send(s.partition, events).finally(() => (s.sending = false));
        s.acknowledged = events.at(-1)!.position;
        s.failures = 0;
        progress.relayed(s.partition, s.acknowledged);
      } catch (error) {
        partitions.failed(s, error);
      }
      if (s.slow || !share.parts.includes(s.partition)) woken.signal();
      s.slow = false;
    };

    while (!over.aborted) {
      const ticket = woken.ticket();
      partitions.follow();
      const states = partitions.serving().filter((s) => share.parts.includes(s.partition));
      const asked = states
        .filter((s) => !s.recovering && !s.slow)
        .map((s) => ({ s, partition: s.partition, position: s.position, eventId: s.eventId }));
      const { events: rows, more } =
        asked.length === 0
          ? { events: [], more: false }
          : await store.readToPassOn(
              log,
              asked.map((a) => ({ partition: a.partition, position: Math.max(a.position, 1) })),
              batch + 1,
              readBytes,
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
      for (const s of partitions.serving()) s.slow = s.sending;
      if (performance.now() - recordedAt > recordEveryMs) {
        recordedAt = performance.now();
        await partitions.record();
      }
      // What was asked back meanwhile is not begun any more.
      const parts = share.parts;
      let sent = false;
      for (const { s, events } of next) {
        const last = events.at(-1);
        if (last === undefined || s.recovering || s.sending || events[0]!.position !== s.position + 1) continue;
        if (!parts.includes(s.partition)) continue;
        s.position = last.position;
        s.eventId = last.id;
        sent = true;
        inFlight.set(
          s,
          send(s, events).finally(() => inFlight.delete(s)),
        );
      }
      // All that was there is on its way: the next append says when there is more.
      if (!(sent && more) && !freed) await woken.after(ticket, { maxWaitMs: slowPollMs, signal: over });
    }
    await Promise.all(inFlight.values());
    if (broken.signal.aborted) throw broken.signal.reason;
    await partitions.record();
  } finally {
    broken.abort();
    await Promise.allSettled([...inFlight.values(), partitions.settled()]);
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
