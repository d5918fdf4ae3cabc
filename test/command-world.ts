/** A topic of commands, a write store and several processors in memory, for tests of asynchronous acceptance. */
import { partitionOf } from "../src/core/partition.ts";
import { commandForm } from "../src/http/command-form.ts";
import {
  commandBroker,
  commandTables,
  faults as makeFaults,
  type Faults,
  memoryCommandLedger,
  memoryEventStore,
  writeDatabase,
} from "../src/memory/index.ts";
import { commandAcceptance, type CommandAcceptance } from "../src/runtime/command-acceptance.ts";
import { type CommandProcessor, commandProcessor, type CommandProcessorOptions } from "../src/runtime/command-processor.ts";
import { counters } from "./counters.ts";
import { eventually, recordingLogger } from "./memory-world.ts";

export const form = commandForm([counters], { NotOpen: 404 });

export async function commandWorld(partitions = 1) {
  const database = writeDatabase();
  const tables = commandTables();
  const broker = commandBroker("counters", partitions);
  const [identity] = await memoryEventStore(database).openLogs(["counters"], partitions);
  const logger = recordingLogger();
  const running: { processor: CommandProcessor; kill(): void }[] = [];

  const position = (partition = 0): number => tables.positions.get(`${partition}/counters`)?.next ?? 0;
  return {
    database,
    tables,
    broker,
    identity: identity!,
    logger,
    position,
    /** What a foreign producer sends; the partition is the stream's. */
    send(type: string, stream: string, data: unknown, headers: Readonly<Record<string, string>> = {}): number {
      return broker.produce(partitionOf(stream, partitions), {
        key: stream,
        value: JSON.stringify(data),
        headers: { ce_type: type, ...headers },
      });
    },
    /** Another "process" with the role. */
    processor(options: Partial<CommandProcessorOptions> & { readonly faults?: Faults; readonly most?: number } = {}) {
      const { faults = makeFaults(), most, ...rest } = options;
      const ledger = memoryCommandLedger(database, tables, { faults });
      const store = memoryEventStore(database, { faults });
      const opened: { kill(): void }[] = [];
      const processor = commandProcessor({
        aggregate: counters,
        identity: identity!,
        openTopic: async () => {
          const topic = broker.topic({ faults, ...(most === undefined ? {} : { most }) });
          opened.push(topic);
          return topic;
        },
        ledger,
        store,
        form,
        logger,
        ...rest,
      });
      const one = {
        processor,
        faults,
        /** SIGKILL: nothing that it still tries has an effect. */
        kill() {
          ledger.kill();
          store.kill();
          for (const topic of opened) topic.kill();
          ended.push(processor.stop());
        },
      };
      running.push(one);
      return one;
    },
    acceptance(): CommandAcceptance {
      return commandAcceptance({
        topics: new Map([["counters", async () => broker.topic()]]),
        identities: new Map([["counters", identity!]]),
        ledger: memoryCommandLedger(database, tables),
        form,
      });
    },
    /** Everything that was sent has its outcome. */
    settled: () =>
      eventually("all commands have outcomes", () => broker.records.every((records, partition) => position(partition) === records.length)),
    async [Symbol.asyncDispose]() {
      await Promise.all([...running.map(({ processor }) => processor.stop()), ...ended]);
    },
  };
}

const ended: Promise<void>[] = [];
