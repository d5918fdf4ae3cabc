/**
 * One turn of a relay: as long as its share of the log's partitions lasts, one send in flight per partition, and no partition waits for another's.
 * What this process has just committed goes straight on its way; where only the store can tell what comes next, it is read, all such partitions by one query.
 */
import { takeNext } from "../core/sequence.ts";
import { TidemarkError } from "../errors.ts";
import { requireSame } from "./events-transport.ts";
import type { EventStore, LogIdentity, LogWriter, Logger, Share, StoredEvent } from "./ports.ts";
import { type RelayProgress, relayPartitions } from "./relay-partitions.ts";
import type { PartitionState } from "./relay-start.ts";
import type { Wake } from "./wake.ts";

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
/** Nobody waits for this: it only covers a lost notification. */
const slowPollMs = 5_000;
/** What one read of all partitions brings, about: memory stays flat, whatever the size of events is. */
const readBytes = 8 * 1024 * 1024;

/** How a relay hears of appends. */
export interface RelayWake extends Wake {
  /** How often there was news of what only a read of the store can tell. */
  readonly doubts: number;
  /** Called at once where this process itself has appended what `store.recent` tells. */
  onRecent: (() => void) | null;
}

/**
 * Ends when the share is lost; waits while it is empty. `woken` is signalled by appends and by changes of the share.
 * @throws LOG_DIVERGED, INVALID_SETTING for what only an operator can mend; anything else may pass
 */
export async function runRelay(options: RelayOptions, share: Share, woken: RelayWake, progress: RelayProgress): Promise<void> {
  const { store, identity, openWriter, logger, maxEventBytes, batch = 1_000 } = options;
  const { log } = identity;
  for (let ticket = woken.ticket(); share.parts.length === 0; ticket = woken.ticket())
    if ((await woken.after(ticket, { signal: share.lost })) === "aborted") return;
  progress.starts();
  const create = (await store.relayed(log)).every(({ position }) => position === 0);
  const writer = await openWriter(identity, { create });
  const inFlight = new Set<Promise<void>>();
  const broken = new AbortController();
  const over = AbortSignal.any([share.lost, broken.signal]);
  const partitions = relayPartitions(options, writer, share, woken, progress, over, (error) => broken.abort(error));

  const send = async (s: PartitionState, events: readonly StoredEvent[]) => {
    try {
      await writer.send(s.partition, events);
      s.acknowledged = events.at(-1)!.position;
      s.failures = 0;
      progress.relayed(s.partition, s.acknowledged);
    } catch (error) {
      partitions.failed(s, error);
    }
    s.sending = false;
    if (!share.parts.includes(s.partition)) woken.signal();
    go(s);
  };
  /** What comes next in this partition, where it may be sent now. */
  const next = (s: PartitionState): readonly StoredEvent[] => {
    // What was asked back meanwhile is not begun any more.
    if (over.aborted || s.recovering || s.sending || !share.parts.includes(s.partition)) return [];
    if (s.epoch !== store.epoch) {
      if (!s.unread || s.waiting.length > 0) woken.signal();
      s.waiting = [];
      s.unread = true;
      return [];
    }
    if (s.waiting.length > 0) return s.waiting;
    const recent = s.unread || store.recent === undefined ? [] : store.recent(log, s, batch);
    if (recent !== null) return recent;
    s.unread = true;
    woken.signal();
    return [];
  };
  const go = (s: PartitionState): void => {
    const events = next(s);
    const last = events.at(-1);
    if (last === undefined) return;
    s.position = last.position;
    s.eventId = last.id;
    s.sending = true;
    // There is room for what comes after them.
    if (s.unread && s.waiting.length > 0) woken.signal();
    s.waiting = [];
    const sending: Promise<void> = send(s, events).finally(() => inFlight.delete(sending));
    inFlight.add(sending);
  };

  try {
    if (writer.maxRecordBytes < maxEventBytes) {
      throw new TidemarkError("INVALID_SETTING", {
        setting: `max.message.bytes of the topic of log '${log}'`,
        problem: `it takes ${writer.maxRecordBytes} bytes, events may have ${maxEventBytes}`,
      });
    }
    for (const weakness of writer.weaknesses) logger.warn(`topic of log '${log}': ${weakness}`, { log });
    let doubts = woken.doubts;
    await partitions.begin(share.parts);
    let recordedAt = performance.now();
    let allAt = recordedAt;
    woken.onRecent = () => partitions.serving().forEach(go);

    while (!over.aborted) {
      const ticket = woken.ticket();
      if (doubts !== woken.doubts || performance.now() - allAt >= slowPollMs) {
        allAt = performance.now();
        for (const s of partitions.serving()) s.unread = true;
      }
      doubts = woken.doubts;
      partitions.follow();
      partitions.serving().forEach(go);
      if (performance.now() - recordedAt > recordEveryMs) {
        recordedAt = performance.now();
        await partitions.record();
      }
      const serving = partitions.serving();
      const asked = serving
        .filter((s) => s.unread && !s.recovering && s.waiting.length === 0 && share.parts.includes(s.partition))
        .map((s) => ({ s, partition: s.partition, position: s.position, eventId: s.eventId, epoch: store.epoch }));
      if (asked.length === 0) {
        await woken.after(ticket, { maxWaitMs: Math.max(1, allAt + slowPollMs - performance.now()), signal: over });
        continue;
      }
      const { events: rows, more } = await store.readToPassOn(
        log,
        asked.map((a) => ({ partition: a.partition, position: Math.max(a.position, 1) })),
        batch + 1,
        Math.ceil((readBytes * asked.length) / serving.length),
      );
      for (const a of asked) {
        // A partition that went back to its tail during the read was asked for by another position.
        if (a.s.recovering || a.s.position !== a.position) continue;
        a.s.epoch = a.epoch;
        a.s.waiting = eventsAfter(log, a, rows);
        // Without more all that was there is on its way: the next append says when there is.
        a.s.unread = more && a.s.waiting.length > 0;
        go(a.s);
      }
    }
    await Promise.all(inFlight);
    if (broken.signal.aborted) throw broken.signal.reason;
    await partitions.record();
  } finally {
    woken.onRecent = null;
    broken.abort();
    await Promise.allSettled([...inFlight, partitions.settled()]);
    await writer.close();
  }
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
