/** What making, showing and dropping a generation means for its documents, inside the transactions that change its state. */
import type { AnyView } from "../core/definition.ts";
import type { Connection, Database } from "./sql.ts";
import { documentTable, named, quoted, referencePrefix } from "./view-names.ts";
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
const tablesOf = named(
  "select c.relname::text as table, c.relkind = 'v' as shown from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'v') " +
    "and (c.relname::text = any($1::text[]) or exists (select 1 from unnest($2::text[]) p where starts_with(c.relname::text, p))) order by c.relkind = 'v' desc, c.relname",
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
    const names = [generations.map((each) => documentTable(view.name, each)), generations.map((each) => referencePrefix(view.name, each))];
    const { rows } = await connection.query<{ table: string; shown: boolean }>({
      ...tablesOf,
      values: names.map((list) => database.array("text", list)),
    });
    for (const { table, shown } of rows) await connection.script(`drop ${shown ? "view" : "table"} ${quoted(table)}`);
  },
});

const nothing = () => Promise.resolve();

/** Documents in another store, which makes and drops its own. */
export const noTables = (store: string): GenerationTables => ({ store, create: nothing, index: nothing, show: nothing, drop: nothing });
