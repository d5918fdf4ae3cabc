/** Commands that wait in the write store, where there is no Kafka: the same port, the same processor. Woken, not polled; across processes by a notification. */
import { TidemarkError } from "../errors.ts";
import type { CommandTopic, NewCommandRecord } from "../runtime/command-ports.ts";
import { packRecord, unpackRecord } from "../runtime/command-record.ts";
import { gather } from "../runtime/gather.ts";
import type { LogIdentity } from "../runtime/ports.ts";
import { wake, type Wake } from "../runtime/wake.ts";
import { ownership } from "./ownership.ts";
import type { Database } from "./sql.ts";

export interface AcceptedCommands {
  /** Closing it ends what came from it; the database stays open. */
  topic(identity: LogIdentity): CommandTopic;
}

const acceptedChannel = "accepted";
const settledChannel = "settled";
/** A notification that was lost with its connection is made up for by then. */
const fallbackMs = 5_000;
const batch = 1_000;

/** One for all topics of a process: whoever accepts wakes whoever decides. */
export function acceptedCommands(database: Database): AcceptedCommands {
  const arrived = new Map<string, Wake>();
  const listeners = new Set<(ids: readonly string[]) => void>();
  const wakeOf = (log: string): Wake => {
    const found = arrived.get(log) ?? wake();
    arrived.set(log, found);
    return found;
  };

  return {
    topic({ log, logId, partitions }) {
      const closing = new AbortController();
      const ends: (() => Promise<void>)[] = [];
      const withOwnership = ownership(database);
      const utf8 = (text: string) => new TextEncoder().encode(text);
      const packed = ({ key, value, headers }: NewCommandRecord): string =>
        packRecord({ key: utf8(key), value: utf8(value), headers: headers.map(([name, content]) => [name, utf8(content)]) });
      const accept = gather<{ readonly partition: number; readonly record: NewCommandRecord }, number>(async (all) => {
        const { rows } = await database.query<{ offsets: readonly (number | string)[] }>({
          name: "tidemark_commands_accept",
          text: "select tidemark_commands_accept($1::text, $2::int[], $3::text[], $4::text[]) as offsets",
          values: [
            log,
            database.array(
              "int4",
              all.map(({ partition }) => partition),
            ),
            database.array(
              "text",
              all.map(({ record }) => record.id),
            ),
            database.array(
              "text",
              all.map(({ record }) => packed(record)),
            ),
          ],
        });
        wakeOf(log).signal();
        if (database.engine === "postgres") database.notify(acceptedChannel, log, log);
        return rows[0]!.offsets.map(Number);
      }, 1);

      return {
        log,
        topicId: `table:${logId}`,
        keepsDecided: false,
        weaknesses: [],
        send(partition, record) {
          if (closing.signal.aborted) return Promise.reject(new TidemarkError("CLOSED", { what: "The write store" }));
          return accept({ partition, record });
        },
        async next(partition, offset, signal) {
          const stop = AbortSignal.any([signal, closing.signal]);
          while (!stop.aborted) {
            const ticket = wakeOf(log).ticket();
            const { rows } = await database.query<{ record_offset: number | string; record: unknown }>({
              name: "tidemark_commands_next",
              text: `select record_offset, record from accepted_commands where log = $1 and partition = $2 and record_offset >= $3
                order by record_offset limit ${batch}`,
              values: [log, partition, offset],
            });
            if (rows.length > 0) {
              const records = rows.map((row) => unpackRecord(row.record, partition, Number(row.record_offset)));
              return { records, next: records.at(-1)!.offset + 1 };
            }
            await wakeOf(log).after(ticket, { signal: stop, ...(database.engine === "postgres" ? { maxWaitMs: fallbackMs } : {}) });
          }
          return { records: [], next: offset };
        },
        async bounds() {
          const { rows } = await database.query<{ partition: number; next_offset: number | string }>({
            text: "select partition, next_offset from accepted_ends where log = $1",
            values: [log],
          });
          const next = new Map(rows.map((row) => [row.partition, Number(row.next_offset)]));
          return Array.from({ length: partitions }, (_, partition) => ({ start: 0, end: next.get(partition) ?? 0 }));
        },
        async waits(id) {
          const { rows } = await database.query<{ waits: boolean }>({
            text: "select exists (select from accepted_commands where log = $1 and command_id = $2) as waits",
            values: [log, id],
          });
          return rows[0]!.waits;
        },
        reply(_partition, replies) {
          const ids = replies.map(({ commandId }) => commandId);
          for (const listener of [...listeners]) listener(ids);
          if (database.engine === "postgres") for (const id of ids) database.notify(settledChannel, id, id);
          return Promise.resolve();
        },
        async onReplies(callback) {
          const own = (ids: readonly string[]): void => callback(ids);
          listeners.add(own);
          const unlisten =
            database.engine === "postgres"
              ? await database.listen(
                  settledChannel,
                  (id) => callback([id]),
                  () => undefined,
                )
              : undefined;
          return async () => {
            listeners.delete(own);
            await unlisten?.();
          };
        },
        async join(onAssigned) {
          const leaving = new AbortController();
          const stop = AbortSignal.any([leaving.signal, closing.signal]);
          const all = [...Array(partitions).keys()];
          const unlisten =
            database.engine === "postgres"
              ? await database.listen(
                  acceptedChannel,
                  (of) => {
                    if (of === log) wakeOf(log).signal();
                  },
                  () => wakeOf(log).signal(),
                )
              : undefined;
          const running = withOwnership(`commands ${log}`, stop, async (lost) => {
            onAssigned(all);
            await new Promise<void>((resolve) => {
              if (lost.aborted) resolve();
              else lost.addEventListener("abort", () => resolve(), { once: true });
            });
            if (!stop.aborted) onAssigned([]);
          });
          // told to whoever leaves
          running.catch(() => onAssigned([]));
          const leave = async (): Promise<void> => {
            leaving.abort();
            await running;
            await unlisten?.();
          };
          ends.push(leave);
          return { leave };
        },
        async close() {
          closing.abort();
          wakeOf(log).signal();
          await Promise.all(ends.splice(0).map((end) => end()));
        },
      };
    },
  };
}
