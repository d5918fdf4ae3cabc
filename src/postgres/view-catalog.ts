/** The catalogue of views whose documents are in another store: their generations and checkpoints, on the same tables as those of the view store here. */
import type { AnyView } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import type { CatalogCheckpoints, ViewCatalog } from "../runtime/view-catalog.ts";
import { noTables } from "./generation-tables.ts";
import { migrate } from "./migrate.ts";
import { viewMigrations } from "./migrations/views/index.ts";
import { ownership } from "./ownership.ts";
import type { Database } from "./sql.ts";
import { moveOnly } from "./view-checkpoint.ts";
import { viewCheckpoints } from "./view-checkpoints.ts";
import { viewGenerations } from "./view-generations.ts";
import { named, shared } from "./view-names.ts";
import { viewStatus } from "./view-status.ts";
import { viewWake } from "./view-wake.ts";

const bind = named(
  `update ${shared.generations} set storage = coalesce(storage, $3) where view = $1 and generation = $2 and store = $4 and state <> 'retired' returning storage`,
);
const storageOf = named(`select storage from ${shared.generations} where view = $1 and generation = $2 and store = $3`);
const stateOf = named(`select state, declared from ${shared.generations} where view = $1 and generation = $2 and store = $3`);
const leftovers = named(
  `select generation from ${shared.generations} where view = $1 and store = $2 and state = 'retired' and storage is not null order by generation`,
);
const forget = named(`update ${shared.generations} set storage = null where view = $1 and generation = $2 and state = 'retired'`);

/** `store`: the kind of store that the documents are in. Closing it leaves the database open. */
export function postgresViewCatalog(database: Database, options: { readonly schema: string; readonly store: string }): ViewCatalog {
  const wake = viewWake(database);
  const closing = new AbortController();
  const withOwnership = ownership(database);
  const { ensure, create, switch: switchTo, retire, current } = viewGenerations(database, wake, noTables(options.store));

  return {
    async migrate({ ddl }) {
      await migrate(database, { schema: options.schema, kind: "views", migrations: viewMigrations, ddl });
    },
    ensure,
    create,
    switch: switchTo,
    retire,
    current,
    of(view, generation): CatalogCheckpoints {
      const checkpoints = viewCheckpoints(database, view, generation);
      return {
        checkpoints: checkpoints.all,
        checkpoint: checkpoints.one,
        recordFailure: checkpoints.recordFailure,
        async move(from, to) {
          const { rowCount } = await database.query(moveOnly({ view: view.name, generation, declared: view.version, from, to }));
          if (rowCount !== 1) return "moved";
          wake.checkpointMoved({ view: view.name, generation, log: to.log, partition: to.partition, position: to.position });
          return "applied";
        },
        async storage() {
          const values = [view.name, generation, options.store];
          const { rows } = await database.query<{ storage: string | null }>({ ...storageOf, values });
          return rows[0]?.storage ?? null;
        },
        async bind(storageId) {
          const { rows } = await database.query<{ storage: string }>({
            ...bind,
            values: [view.name, generation, storageId, options.store],
          });
          if (rows[0] === undefined) throw new TidemarkError("GENERATION_MOVED", { view: view.name, generation });
          return rows[0].storage;
        },
      };
    },
    async isFed(view: AnyView, generation) {
      const values = [view.name, generation, options.store];
      const { rows } = await database.query<{ state: string; declared: number }>({ ...stateOf, values });
      return rows[0] !== undefined && rows[0].state !== "retired" && rows[0].declared === view.version;
    },
    async leftovers(view) {
      const { rows } = await database.query<{ generation: number }>({ ...leftovers, values: [view.name, options.store] });
      return rows.map(({ generation }) => generation);
    },
    async dropped(view, generation) {
      await database.query({ ...forget, values: [view.name, generation] });
    },
    ...viewStatus(database, options.store),
    onCheckpoint: wake.onCheckpoint,
    onGenerations: wake.onGenerations,
    withOwnership: (name, stop, run) => withOwnership(name, AbortSignal.any([stop, closing.signal]), run),
    close() {
      closing.abort();
      return Promise.resolve();
    },
  };
}
