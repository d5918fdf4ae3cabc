/** The relay's hand on a topic in memory. Stricter than it has to be: what the port forbids to its caller is thrown. */
import { TidemarkError } from "../errors.ts";
import type { LogIdentity, LogWriter } from "../runtime/ports.ts";
import { faults as noFaults, type Faults } from "./faults.ts";
import { handle } from "./handle.ts";
import { tailOf } from "./log-tails.ts";
import type { Broker } from "./topic.ts";

export interface MemoryLogWriterOptions {
  readonly faults?: Faults;
  /** How many of the last records `tails` looks at; 1,000 unless given. */
  readonly tailRecords?: number;
  /** A process that dies takes its writers with it. */
  readonly dead?: AbortSignal;
}

/** What a relay takes as `openWriter`. Makes the topic, or checks it. `create: false`: a missing one is refused. @throws PARTITIONS_CHANGED, LOG_DIVERGED */
export function memoryLogWriters(
  broker: Broker,
  { faults = noFaults(), tailRecords = 1_000, dead }: MemoryLogWriterOptions = {},
): (identity: LogIdentity, options?: { readonly create: boolean }) => Promise<LogWriter> {
  return async ({ log, logId, partitions }, { create } = { create: true }) => {
    const own = handle(`The topic of log '${log}'`, faults);
    if (dead?.aborted === true) own.kill();
    dead?.addEventListener("abort", own.kill, { once: true });
    const topic = await own.run("openWriter", { log }, () => {
      if (!create && !broker.topics.has(log)) {
        throw new TidemarkError("LOG_DIVERGED", { log, problem: `topic ${log}-events is gone, positions were relayed to it` });
      }
      return broker.ensure(log, partitions);
    });
    if (topic.partitions.length !== partitions)
      throw new TidemarkError("PARTITIONS_CHANGED", { log, stored: topic.partitions.length, asked: partitions });
    const sending = new Set<number>();
    /** After a failed send a partition waits for `tails`. */
    const stopped = new Set<number>();
    const lastOffset = new Map<number, number>();
    const sameTopic = () => {
      if (broker.topics.get(log)?.topicId !== topic.topicId)
        throw new TidemarkError("LOG_DIVERGED", { log, problem: `topic ${topic.name} was deleted and made again` });
    };

    return {
      topicId: topic.topicId,
      get maxRecordBytes() {
        return topic.maxRecordBytes;
      },
      get weaknesses() {
        return topic.weaknesses;
      },
      tails: (wanted) =>
        own.run("tails", { log, partitions: wanted }, () => {
          sameTopic();
          return wanted.map((partition) => {
            if (sending.has(partition)) throw new Error(`the tail of partition ${partition} was asked for while a send was in flight`);
            const tail = tailOf(log, topic, partition, { logId, window: tailRecords });
            stopped.delete(partition);
            lastOffset.set(partition, topic.partitions[partition]!.end - 1);
            return tail;
          });
        }),
      async send(partition, events) {
        if (sending.has(partition)) throw new Error(`two sends in flight for partition ${partition}`);
        if (stopped.has(partition)) throw new Error(`partition ${partition} was sent to after a failed send, without a look at its tail`);
        sending.add(partition);
        try {
          await own.run("send", { log, partition, events }, () => {
            sameTopic();
            const offset = topic.partitions[partition]!.append(logId, events);
            const last = lastOffset.get(partition) ?? -1;
            if (offset <= last)
              throw new TidemarkError("LOG_DIVERGED", {
                log,
                partition,
                problem: `partition ${partition} acknowledged offset ${offset}, after offset ${last}`,
              });
            lastOffset.set(partition, offset + events.length - 1);
          });
        } catch (error) {
          stopped.add(partition);
          throw error;
        } finally {
          sending.delete(partition);
        }
      },
      close() {
        dead?.removeEventListener("abort", own.kill);
        own.close();
        return Promise.resolve();
      },
    };
  };
}
