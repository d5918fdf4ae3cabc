/** Asynchronous acceptance as a process of the roles command and processor runs it: the library's defaults, on PostgreSQL and Kafka, without HTTP before it. */
import { randomUUID } from "node:crypto";
import type { AnyAggregate, AnyCommand } from "../../src/core/index.ts";
import { commandForm } from "../../src/http/command-form.ts";
import { openCluster, openCommandTopic } from "../../src/kafka/index.ts";
import { commandLedger, eventStore, migrateWriteStore, openDatabase } from "../../src/postgres/index.ts";
import { commandAcceptance } from "../../src/runtime/command-acceptance.ts";
import { commandHandover } from "../../src/runtime/command-handover.ts";
import { commandProcessor } from "../../src/runtime/command-processor.ts";
import { quiet } from "../quiet.ts";
import { partitions, writeSchema } from "../workload/write-store.ts";

export interface CommandTopicSide {
  /** Resolves when Kafka has it. */
  accept(command: AnyCommand): Promise<void>;
  /** Resolves when it is decided. @throws where it is not accepted within 30 s */
  acceptAndWait(command: AnyCommand): Promise<void>;
  /** Begins to decide, and stops with `close`. */
  decide(): void;
  /** Resolves when as many commands are decided as were accepted. */
  decided(): Promise<void>;
  close(): Promise<void>;
}

export async function openCommandTopicSide(url: string, brokers: readonly string[], aggregate: AnyAggregate): Promise<CommandTopicSide> {
  const prefix = `b${randomUUID().slice(0, 8)}-`;
  const log = aggregate.name;
  const database = await openDatabase({ url }, { schema: writeSchema });
  await migrateWriteStore(database, { schema: writeSchema, ddl: true });
  const store = eventStore(database);
  const [identity] = await store.openLogs([log], partitions);
  const ledger = commandLedger(database);
  const cluster = openCluster({ brokers: brokers.join(","), prefix });
  const form = commandForm([aggregate]);
  const openTopic = () => openCommandTopic(cluster, { log, partitions, create: true, group: "commands" });
  const handover = commandHandover();
  const acceptance = commandAcceptance({
    topics: new Map([[log, openTopic]]),
    identities: new Map([[log, identity!]]),
    ledger,
    form,
    handover,
  });
  let processor: ReturnType<typeof commandProcessor> | undefined;
  let accepted = 0;
  let settled = 0;
  let waiting: { readonly resolve: () => void } | undefined;

  const wait = async (command: AnyCommand): Promise<void> => {
    accepted += 1;
    const status = await acceptance.accept(command, { waitMs: 30_000 });
    if (status.status !== "accepted") throw new Error(`${command.type} is ${status.status}`);
  };
  return {
    async accept(command) {
      accepted += 1;
      await acceptance.accept(command);
    },
    acceptAndWait: wait,
    decide() {
      processor = commandProcessor({
        aggregate,
        identity: identity!,
        openTopic,
        ledger,
        store,
        form,
        handover,
        logger: quiet,
        onSettled(ids) {
          acceptance.settled(ids);
          settled += ids?.length ?? 0;
          if (settled >= accepted) waiting?.resolve();
        },
      });
    },
    async decided() {
      while (settled < accepted) {
        const next = Promise.withResolvers<void>();
        waiting = next;
        await next.promise;
      }
    },
    async close() {
      await processor?.stop();
      await acceptance.close();
      await ledger.close();
      await cluster.close();
      await store.close();
      await database.close();
    },
  };
}
