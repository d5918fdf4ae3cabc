/** Databases of both engines for tests of what runs on the SQL port, and the write store on them. */
import { randomUUID } from "node:crypto";
import { after, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { partitionOf } from "../src/core/partition.ts";
import type { DatabaseOptions } from "../src/postgres/database-options.ts";
import { eventStore, imageFolder, migrateWriteStore, openDatabase } from "../src/postgres/index.ts";
import type { Database } from "../src/postgres/sql.ts";
import type { AppendCommand, EventStore, Logger } from "../src/runtime/ports.ts";
import { postgres } from "./services.ts";

export const testSchema = "tidemark_test";

type Options = Partial<DatabaseOptions>;

export interface TestEngine {
  readonly name: "postgres" | "pglite";
  /** An empty database, gone with the test (without options one PGlite serves all tests of a file in turn; do not close it); `again` opens it once more, as another process would (on PGlite: the same one). */
  open(t: TestContext, options?: Options): Promise<{ readonly database: Database; again(options?: Options): Promise<Database> }>;
}

const image = imageFolder(fileURLToPath(new URL("../.cache/pglite", import.meta.url)));

let shared: Promise<Database> | undefined;
// an open PGlite keeps its process alive
after(async () => (await shared)?.close());

/** Starting PGlite takes a second or more. */
async function emptied(): Promise<Database> {
  shared ??= openDatabase({ dataDir: undefined }, { schema: testSchema, image });
  const database = await shared;
  await database.query({ text: `drop schema if exists ${testSchema} cascade` });
  return database;
}

export const engines: readonly TestEngine[] = [
  {
    name: "postgres",
    async open(t, options) {
      const created = await (await postgres()).createDatabase();
      const opened: Database[] = [];
      const again = async (more?: Options) => {
        const database = await openDatabase({ url: created.url }, { schema: testSchema, ...options, ...more });
        opened.push(database);
        return database;
      };
      t.after(async () => {
        await Promise.all(opened.map((database) => database.close()));
        await created.drop();
      });
      return { database: await again(), again };
    },
  },
  {
    name: "pglite",
    async open(t, options) {
      if (options === undefined) {
        const database = await emptied();
        return { database, again: async () => database };
      }
      const database = await openDatabase({ dataDir: undefined }, { schema: testSchema, image, ...options });
      t.after(() => database.close());
      return { database, again: async () => database };
    },
  },
];

export async function writeStore(t: TestContext, database: Database, options: { readonly lanes?: number } = {}): Promise<EventStore> {
  await migrateWriteStore(database, { schema: testSchema, ddl: true });
  const store = eventStore(database, options);
  t.after(() => store.close());
  return store;
}

/** An append of `n` events by a stream at `expected`. */
export function write(stream: string, n: number, given: Partial<AppendCommand> & { readonly partitions?: number } = {}): AppendCommand {
  const { partitions = 1, ...rest } = given;
  const id = rest.id ?? randomUUID();
  const expectedVersion = rest.expectedVersion ?? rest.baseVersion ?? 0;
  return {
    id,
    fingerprint: `f-${id}`,
    log: "orders",
    partition: partitionOf(stream, partitions),
    stream,
    baseVersion: expectedVersion,
    expectedVersion,
    ifMatch: false,
    kind: n > 0 ? "events" : "none",
    answer: JSON.stringify({ version: expectedVersion + n }),
    events: Array.from({ length: n }, (_, i) => ({
      id: randomUUID(),
      type: "Happened",
      schemaVersion: 1,
      data: `{"n":${i}}`,
      metadata: `{"commandId":"${id}"}`,
    })),
    ...rest,
  };
}

export const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
