/** The write side of a process: the event store, command handling, and what the relays need of it. */
import { join } from "node:path";
import type { AnyAggregate } from "../core/definition.ts";
import { type Database, eventStore, migrateWriteStore, openDatabase } from "../postgres/index.ts";
import { type CommandHandler, commandHandler } from "../runtime/command-handler.ts";
import type { EventStore, LogIdentity, Logger } from "../runtime/ports.ts";
import { images } from "./images.ts";
import type { Opened } from "./opened.ts";
import type { Settings } from "./settings.ts";

/** The largest event (key, value and headers) that a command may append; topics must take it. */
export const maxEventBytes = 1_000_000;

export interface WriteParts {
  readonly store: EventStore;
  readonly database: Database;
  readonly identities: ReadonlyMap<string, LogIdentity>;
}

export async function openEventStore(settings: Settings, aggregates: readonly AnyAggregate[], open: Opened): Promise<WriteParts> {
  const location = settings.databaseUrl === null ? { dataDir: join(settings.dataFolder, "write") } : { url: settings.databaseUrl };
  const schema = `${settings.prefix}tidemark`;
  const database = await openDatabase(location, { schema, applicationName: "tidemark write", image: images() });
  open.add(() => database.close());
  await migrateWriteStore(database, { schema, ddl: settings.migrate });
  const store = eventStore(database);
  open.add(() => store.close());
  const identities = await store.openLogs(
    aggregates.map((a) => a.name),
    settings.partitions ?? undefined,
  );
  return { store, database, identities: new Map(identities.map((identity) => [identity.log, identity])) };
}

export function openCommands(
  { store, identities }: WriteParts,
  aggregates: readonly AnyAggregate[],
  logger: Logger,
  onAppended: (log: string, partition: number, position: number) => void,
  open: Opened,
): CommandHandler {
  const handler = commandHandler({ store, aggregates, identities, logger, maxEventBytes, onAppended });
  open.add(() => handler.close());
  return handler;
}
