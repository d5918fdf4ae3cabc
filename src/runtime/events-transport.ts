/**
 * The transport without Kafka: projections tail the events table itself, by the same positions (I8).
 * One process owns the tail, by the store's ownership; correctness rests on positions and checkpoints alone.
 */
import { takeNext } from "../core/sequence.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import { toLogEvent } from "./log-event.ts";
import type { Batch, Cursor, EventStore, LogIdentity, LogReader, StoredEvent, Transport } from "./ports.ts";
import { type Wake, pause, wake } from "./wake.ts";

/** After the store refused to say who owns the tail. */
const retryMs = 1_000;
/** What one read of all partitions brings, about: memory stays flat, whatever the size of events is. */
const readBytes = 4 * 1024 * 1024;

export async function eventsTransport(store: EventStore, identities: ReadonlyMap<string, LogIdentity>): Promise<Transport> {
  const wakes = new Map<string, Wake>();
  const wakeOf = (log: string) => {
    const known = wakes.get(log) ?? wake();
    wakes.set(log, known);
    return known;
  };
  const unsubscribe = await store.onAppended((log) => {
    for (const [name, each] of wakes) if (log === undefined || log === name) each.signal();
  });
  const identity = (log: string) => {
    const known = identities.get(log);
    if (known === undefined) throw new TidemarkError("NOT_FOUND", { what: `Log '${log}'` });
    return known;
  };

  return {
    kind: "events",
    identify: async (log) => identity(log),
    reader: async (log) => eventsReader(store, identity(log), wakeOf(log)),
    ends: (log) => store.heads(log),
    async join(group, logs, onAssigned) {
      const stop = new AbortController();
      const all = logs.map((log) => ({ log, partitions: [...Array(identity(log).partitions).keys()] }));
      const own = () =>
        store.withOwnership(`tail ${group}`, stop.signal, async (lost) => {
          onAssigned(all);
          await new Promise<void>((resolve) => {
            if (lost.aborted) resolve();
            else lost.addEventListener("abort", () => resolve(), { once: true });
          });
          onAssigned([]);
        });
      // nobody waits for this before it leaves: whatever the store says, the next turn is asked for again
      const owning = (async () => {
        while (!stop.signal.aborted) {
          const ended = await own().then(
            () => true,
            (error: unknown) => isTidemarkError(error, "CLOSED"),
          );
          if (ended) return;
          await pause(retryMs, stop.signal);
        }
      })();
      return {
        async leave() {
          stop.abort();
          await owning;
        },
      };
    },
    close: unsubscribe,
  };
}

function eventsReader(store: EventStore, { log, logId }: LogIdentity, appended: Wake): LogReader {
  const closed = new AbortController();
  return {
    async fetch(cursors, { maxEvents, maxWaitMs, signal }) {
      const either = AbortSignal.any([signal, closed.signal]);
      const deadline = performance.now() + maxWaitMs;
      for (;;) {
        if (either.aborted || cursors.length === 0) return [];
        const ticket = appended.ticket();
        const rows = await store.read(
          log,
          cursors.map((c) => ({ partition: c.partition, position: Math.max(c.position, 1) })),
          maxEvents + 1,
          readBytes,
        );
        const batches = cursors.flatMap((cursor) => batchOf(cursor, { log, logId }, rows, maxEvents));
        if (batches.length > 0) return batches;
        const left = deadline - performance.now();
        if (left <= 0 || (await appended.after(ticket, { maxWaitMs: left, signal: either })) !== "woken") return [];
      }
    },
    close() {
      closed.abort();
      return Promise.resolve();
    },
  };
}

/** Read inclusive: the row at the cursor's position must be the very event that was last handled (I3). */
export function requireSame(
  log: string,
  last: { readonly partition: number; readonly position: number; readonly eventId: string | null },
  first: StoredEvent | undefined,
): void {
  if (last.position === 0) return;
  const { partition, position, eventId } = last;
  if (first === undefined || first.position !== position) {
    throw new TidemarkError("LOG_DIVERGED", {
      log,
      partition,
      problem: `partition ${partition} of the write store has no event at position ${position}, where event ${eventId ?? "(unknown)"} was read before`,
    });
  }
  if (eventId !== null && first.id !== eventId) {
    throw new TidemarkError("LOG_DIVERGED", {
      log,
      partition,
      problem: `partition ${partition} of the write store holds event ${first.id} at position ${position}, where ${eventId} was read before`,
    });
  }
}

function batchOf(
  cursor: Cursor,
  { log, logId }: Pick<LogIdentity, "log" | "logId">,
  rows: readonly StoredEvent[],
  maxEvents: number,
): Batch[] {
  if (cursor.logId !== null && cursor.logId !== logId) {
    throw new TidemarkError("LOG_DIVERGED", { log, problem: `its id is ${logId}, the reader knew ${cursor.logId}` });
  }
  const own = rows.filter((row) => row.partition === cursor.partition);
  requireSame(log, cursor, own[0]);
  const next = takeNext({ log, ...cursor }, own).slice(0, maxEvents);
  const last = next.at(-1);
  if (last === undefined) return [];
  return [
    {
      partition: cursor.partition,
      events: next.map(toLogEvent),
      next: { partition: cursor.partition, position: last.position, eventId: last.id, logId, hint: null },
    },
  ];
}
