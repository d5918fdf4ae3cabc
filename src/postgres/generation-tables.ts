/** What making, showing and dropping a generation means for its documents, inside the transactions that change its state. */
import type { AnyView } from "../core/definition.ts";
import type { Connection, Database } from "./sql.ts";
import { documentTable, named, quoted, referenceTable } from "./view-names.ts";
import { shapeOf } from "./view-shape.ts";
import { showGeneration } from "./view-sql-view.ts";
import { createGeneration, indexGeneration } from "./view-tables.ts";

export interface GenerationTables {
  /** The kind of store: generations of other kinds are left alone. */
  readonly store: string;
  create(connection: Connection, view: AnyView, generation: number, building: boolean): Promise<void>;
  /** Before any lock of the switch: applies hold their checkpoint while they wait for an index that is being made. @throws GENERATION_MOVED */
  index(view: AnyView, generation: number): Promise<void>;
  /** It is the live one from now on. */
  show(connection: Connection, view: AnyView, generation: number): Promise<void>;
  /** Of retired generations, also where some of it is gone already. */
  drop(connection: Connection, view: AnyView, generations: readonly number[]): Promise<void>;
}

// a rollup shows its groups by a view over its tables, which goes first; by name in the catalogue, as the definition that made them may have had other references
const tablesOfView = named(
  "select c.relname::text as table, c.relkind = 'v' as shown from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'v') and starts_with(c.relname::text, $1) order by c.relkind = 'v' desc, c.relname",
);

/** The kind of store that this database is. */
export const sqlStore = "sql";

/** Documents in tables of this database. */
export const sqlTables = (database: Database): GenerationTables => ({
  store: sqlStore,
  async create(connection, view, generation, building) {
    await connection.script(createGeneration(shapeOf(view), generation, building));
  },
  index: (view, generation) => indexGeneration(database, shapeOf(view), generation),
  show: (connection, view, generation) => showGeneration(connection, shapeOf(view), generation),
  async drop(connection, view, generations) {
    if (generations.length === 0) return;
    const { rows } = await connection.query<{ table: string; shown: boolean }>({ ...tablesOfView, values: [`${view.name}_g`] });
    for (const generation of generations) {
      const name = documentTable(view.name, generation);
      const references = referenceTable(view.name, generation, "");
      for (const { table, shown } of rows)
        if (table === name || table.startsWith(references)) await connection.script(`drop ${shown ? "view" : "table"} ${quoted(table)}`);
    }
  },
});

const nothing = () => Promise.resolve();

/** Documents in another store, which makes and drops its own. */
export const noTables = (store: string): GenerationTables => ({ store, create: nothing, index: nothing, show: nothing, drop: nothing });
