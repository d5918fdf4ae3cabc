/** PostgreSQL, and PGlite in process: the write store and the view store, by the same code. */

// databases
export { openDatabase, type DatabaseLocation } from "./open-database.ts";
export type { DatabaseOptions } from "./database-options.ts";
export { imageFolder, type ImageCache } from "./pglite-image.ts";
export type { Connection, Database, SqlResult, Statement } from "./sql.ts";

// write store
export { acceptedCommands, type AcceptedCommands } from "./accepted-commands.ts";
export { commandLedger, type CommandLedgerOptions } from "./command-ledger.ts";
export { eventStore, migrateWriteStore, type EventStoreOptions } from "./event-store.ts";

// events of models in the user's own tables
export { outbox } from "./outbox.ts";
export type { Committed, EventOf, Outbox, OutboxOptions, Published, PublishOptions } from "./outbox.ts";
export type { DrizzleDatabase, KyselyDatabase, OutboxDatabase, SqlClient } from "./outbox-client.ts";
export { outboxError } from "./outbox-errors.ts";

// view store
export { postgresViewCatalog } from "./view-catalog.ts";
export { postgresViewStore, type ViewStoreOptions } from "./view-store.ts";
