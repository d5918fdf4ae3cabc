/** The contract of view stores on a real PostgreSQL and on PGlite. */
import { postgres } from "../../test/services.ts";
import { allFeatures, type ContractWorld, type Features, lacks, type Steps, viewStoreContract } from "../testing/view-store-contract.ts";
import { pgliteDatabase } from "./pglite-database.ts";
import { postgresDatabase } from "./postgres-database.ts";
import type { Connection, Database } from "./sql.ts";
import { postgresViewStore } from "./view-store.ts";

const schema = "contract";

/** A transaction's statements are steps inside: processes end there, but are not held up with its locks. */
function told<C extends Connection>(connection: C, steps: Steps): C {
  let open = false;
  const step = async <T>(texts: readonly string[], work: () => Promise<T>): Promise<T> => {
    const around = open ? steps.inside : steps.around;
    for (const text of texts) {
      if (/^\s*begin\b/i.test(text)) open = true;
      if (/^\s*(commit|rollback)\b/i.test(text)) open = false;
    }
    return around("statements", work);
  };
  return {
    ...connection,
    query: (statement) => step([statement.text], () => connection.query(statement)),
    pipeline: (statements) =>
      step(
        statements.map(({ text }) => text),
        () => connection.pipeline(statements),
      ),
  };
}

const toldDatabase = (database: Database, steps: Steps): Database => ({
  ...database,
  // one step: PGlite has one connection, and nobody else is served while it is held
  exclusive: (work) => steps.around("exclusive", () => database.exclusive(work)),
  dedicated: async () => told(await database.dedicated(), steps),
});

const features: Features = allFeatures({
  prefixes: lacks("each service has a schema or a database of its own"),
  lostStorage: lacks("documents and checkpoints are in one database, and are lost together"),
});

async function world(open: () => Promise<Database>, drop: () => Promise<void>): Promise<ContractWorld> {
  const first = postgresViewStore(await open(), { schema });
  await first.migrate({ ddl: true });
  return {
    async store(steps) {
      const database = await open();
      const store = postgresViewStore(steps === undefined ? database : toldDatabase(database, steps), { schema });
      return {
        ...store,
        async close() {
          await store.close();
          if (database.engine === "postgres") await database.close();
        },
      };
    },
    async close() {
      await first.close();
      await drop();
    },
  };
}

viewStoreContract("PostgreSQL", {
  async open() {
    const server = await (await postgres()).createDatabase();
    const opened: Database[] = [];
    return world(
      () => {
        const database = postgresDatabase(server.url, { schema, poolSize: 3 });
        opened.push(database);
        return Promise.resolve(database);
      },
      async () => {
        for (const database of opened) await database.close();
        await server.drop();
      },
    );
  },
  features,
});

viewStoreContract("PGlite", {
  async open() {
    const database = await pgliteDatabase(undefined, { schema });
    return world(
      () => Promise.resolve(database),
      () => database.close(),
    );
  },
  features,
  rounds: 1,
});
