/** PostgreSQL, and PGlite in process: the write store and the view store, by the same code. */

// databases
export { openDatabase, type DatabaseLocation } from "./open-database.ts";
export type { DatabaseOptions } from "./database-options.ts";
export { imageFolder, type ImageCache } from "./pglite-image.ts";
export type { Connection, Database, SqlResult, Statement } from "./sql.ts";

// write store
export { eventStore, migrateWriteStore, type EventStoreOptions } from "./event-store.ts";

// view store
export { postgresViewStore, type ViewStoreOptions } from "./view-store.ts";
