/** The write side as a command role runs it: the library's defaults, on PostgreSQL, without the network before it. */
import { randomUUID } from "node:crypto";
import type { AnyAggregate, AnyCommand } from "../../src/core/index.ts";
import { eventStore, migrateWriteStore, openDatabase } from "../../src/postgres/index.ts";
import { commandHandler, type CommandHandlerOptions } from "../../src/runtime/command-handler.ts";
import { quiet } from "../quiet.ts";
import { partitions, writeSchema } from "../workload/write-store.ts";

export interface WriteSideOptions extends Partial<Pick<CommandHandlerOptions, "cachedStreams" | "joinUpTo" | "maxBatch">> {
  readonly aggregates: readonly AnyAggregate[];
  readonly lanes?: number;
}

export interface WriteSide {
  /** Under a command id of its own, so it is validated, looked up and its answer stored. @throws where it is not accepted */
  execute(command: AnyCommand): Promise<void>;
  close(): Promise<void>;
}

export async function openWriteSide(url: string, { aggregates, lanes, ...options }: WriteSideOptions): Promise<WriteSide> {
  const database = await openDatabase({ url }, { schema: writeSchema });
  await migrateWriteStore(database, { schema: writeSchema, ddl: true });
  const store = eventStore(database, lanes === undefined ? {} : { lanes });
  const names = aggregates.map(({ name }) => name);
  const identities = new Map((await store.openLogs(names, partitions)).map((identity) => [identity.log, identity]));
  const commands = commandHandler({ store, aggregates, identities, logger: quiet, ...options });
  return {
    async execute(command) {
      const outcome = await commands.execute(command, { commandId: randomUUID() });
      if (!outcome.accepted) throw new Error(`${command.type} was rejected: ${outcome.detail}`);
      if (outcome.replayed) throw new Error(`${command.type} was answered from an earlier call`);
    },
    async close() {
      await commands.close();
      await store.close();
      await database.close();
    },
  };
}
