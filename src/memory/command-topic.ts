/** Topics of commands in memory, kept once for all "processes". */
import { TidemarkError } from "../errors.ts";
import type { CommandRecord, CommandReply, CommandTopic } from "../runtime/command-ports.ts";
import { readHead } from "../runtime/command-record.ts";
import { wake } from "../runtime/wake.ts";
import type { Faults } from "./faults.ts";
import { handle } from "./handle.ts";
import { signalHub } from "./signal-hub.ts";

export interface CommandBroker {
  readonly log: string;
  readonly topicId: string;
  readonly replies: readonly CommandReply[];
  /** By partition, by offset. */
  readonly records: readonly (readonly CommandRecord[])[];
  /** As any producer does it. Gives the offset. */
  produce(
    partition: number,
    record: { readonly key: string | null; readonly value: string | null; readonly headers?: Readonly<Record<string, string>> },
  ): number;
  /** As an operator's slip does it: gone, and made again, empty. */
  makeAgain(): void;
  /** As retention does. */
  trim(partition: number, start: number): void;
  /** The topic for one "process". */
  topic(options?: { readonly faults?: Faults; readonly most?: number }): CommandTopic & { kill(): void };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export function commandBroker(log: string, partitions: number): CommandBroker {
  let made = 1;
  let records: CommandRecord[][] = Array.from({ length: partitions }, () => []);
  const starts: number[] = Array.from({ length: partitions }, () => 0);
  const replies: CommandReply[] = [];
  const changed = signalHub<undefined>();
  const replied = signalHub<readonly string[]>();
  const members: ((own: readonly number[]) => void)[] = [];
  const topicId = () => `commands-${made}`;

  function add(partition: number, key: string | null, value: string | null, headers: readonly (readonly [string, string])[]): number {
    const own = records[partition]!;
    own.push({
      partition,
      offset: own.length,
      key: key === null ? null : bytes(key),
      value: value === null ? null : bytes(value),
      headers: headers.map(([name, content]) => [name, bytes(content)]),
    });
    changed.tell(undefined);
    return own.length - 1;
  }
  function share(): void {
    members.forEach((member, turn) => {
      const own = [...Array(partitions).keys()].filter((partition) => partition % members.length === turn);
      queueMicrotask(() => {
        if (members.includes(member)) member(own);
      });
    });
  }

  return {
    log,
    get topicId() {
      return topicId();
    },
    replies,
    get records() {
      return records;
    },
    produce: (partition, { key, value, headers = {} }) => add(partition, key, value, Object.entries(headers)),
    makeAgain() {
      made += 1;
      records = Array.from({ length: partitions }, () => []);
      changed.tell(undefined);
    },
    trim(partition, start) {
      starts[partition] = start;
    },
    topic({ faults, most = Number.POSITIVE_INFINITY } = {}) {
      const own = handle("The broker", faults);
      const openedId = topicId();
      const leaving = new Set<() => void>();
      const same = () => {
        if (openedId !== topicId())
          throw new TidemarkError("LOG_DIVERGED", { log, problem: "its topic of commands was deleted and made again" });
      };
      const end = (): void => {
        for (const leave of leaving) leave();
        leaving.clear();
      };
      return {
        log,
        topicId: openedId,
        keepsDecided: true,
        weaknesses: [],
        send: (partition, { key, value, headers }) =>
          own.run("sendCommand", { log }, () => {
            same();
            return add(partition, key, value, headers);
          }),
        async next(partition, offset, signal) {
          const nothing = { records: [], next: offset };
          const moved = wake();
          const unsubscribe = changed.on(() => moved.signal());
          try {
            for (;;) {
              const ticket = moved.ticket();
              if (signal.aborted) return nothing;
              const found = await own.run("readCommands", { log, partition, offset }, () => {
                same();
                return records[partition]!.slice(offset).slice(0, most);
              });
              if (found.length > 0) return { records: found, next: offset + found.length };
              if ((await moved.after(ticket, { signal: AbortSignal.any([signal, own.dead]) })) === "aborted") return nothing;
            }
          } finally {
            await unsubscribe();
          }
        },
        bounds: () => own.run("commandBounds", { log }, () => records.map((all, i) => ({ start: starts[i]!, end: all.length }))),
        waits: (id, from) =>
          own.run("commandWaits", { log }, () =>
            records.some((all, partition) =>
              all.slice(from[partition] ?? 0).some((record) => readHead(record, { log, topicId: openedId }).id === id),
            ),
          ),
        reply: (_partition, told) =>
          own.run("replyCommands", { log }, () => {
            replies.push(...told);
            replied.tell(told.map(({ commandId }) => commandId));
          }),
        onReplies: (callback) =>
          Promise.resolve(
            replied.on((ids) => {
              if (!own.dead.aborted) callback(ids);
            }),
          ),
        join(onAssigned) {
          const member = (parts: readonly number[]) => {
            if (!own.dead.aborted) onAssigned(parts);
          };
          members.push(member);
          const leave = () => {
            const at = members.indexOf(member);
            if (at < 0) return;
            members.splice(at, 1);
            share();
          };
          leaving.add(leave);
          share();
          return Promise.resolve({
            leave() {
              leave();
              return Promise.resolve();
            },
          });
        },
        kill() {
          own.kill();
          end();
        },
        close() {
          end();
          own.close();
          return Promise.resolve();
        },
      };
    },
  };
}
