/** Tables, indexes and the SQL view of a generation. */
import { createHash } from "node:crypto";
import { TidemarkError } from "../errors.ts";
import { createRollup } from "./rollup-tables.ts";
import { sqlState } from "./sql-errors.ts";
import type { Database } from "./sql.ts";
import type { ColumnType } from "./view-columns.ts";
import { documentTable, fitName, named, quoted, referenceTable } from "./view-names.ts";
import type { ViewShape } from "./view-shape.ts";
import { wordsDefinition, wordsName } from "./view-words.ts";

/** Text compares by code point, in indexes as in `find`, whatever the database's locale. */
const sqlType = (type: ColumnType): string => (type === "text" ? 'text collate "C"' : type);

interface Index {
  readonly name: string;
  readonly create: string;
  /** Fan-out finds documents by it. */
  readonly forFanOut: boolean;
}

/** ["a_b"] and ["a", "b"] would have one name, and the second be taken for made. */
function indexName(shape: ViewShape, table: string, fields: readonly string[]): string {
  const joined = fields.join("_");
  const isShared = shape.indexes.filter((each) => each.join("_") === joined).length > 1;
  const mark = isShared ? `_${createHash("sha256").update(JSON.stringify(fields)).digest("hex").slice(0, 8)}` : "";
  return fitName(`${table}_by_${joined}${mark}`);
}

function indexesOf(shape: ViewShape, table: string): readonly Index[] {
  const indexes = shape.indexes.map((fields): Index => {
    const name = indexName(shape, table, fields);
    return {
      name,
      create: `create index if not exists ${quoted(name)} on ${quoted(table)}(${[...fields.map(quoted), "_key"].join(", ")});`,
      forFanOut: fields.length === 1 && shape.references.some(({ field }) => field === fields[0]),
    };
  });
  return shape.words.length === 0 ? indexes : [...indexes, wordsIndex(table)];
}

function wordsIndex(table: string): Index {
  const name = fitName(`${table}_by_${wordsName}`);
  return { name, create: `create index if not exists ${quoted(name)} on ${quoted(table)} using gin(${wordsName});`, forFanOut: false };
}

function createTable(shape: ViewShape, table: string, indexes: readonly Index[]): string {
  const columns = shape.written.map((c) => `${quoted(c.field)} ${sqlType(c.type)}`);
  if (shape.words.length > 0) columns.push(wordsDefinition(shape.words));
  const hidden = [
    '_key text collate "C" primary key',
    "_held boolean not null default false",
    "_version bigint not null default 0",
    "_updated text",
    "_rest json",
  ];
  const creations = indexes.map(({ create }) => create);
  return [`create table ${quoted(table)}(${[...hidden, ...columns].join(", ")}) with (fillfactor = 80);`, ...creations].join("\n");
}

/** `building`: nobody reads it yet, so indexes that only readers need are made when it has been loaded: a sort costs less than as many insertions. */
export function createGeneration(shape: ViewShape, generation: number, building: boolean): string {
  if (shape.view.rollup !== undefined) return createRollup(shape, generation);
  const table = documentTable(shape.view.name, generation);
  const indexes = indexesOf(shape, table).filter(({ forFanOut }) => forFanOut || !building || shape.view.keyed !== "stream");
  return [
    createTable(shape, table, indexes),
    ...shape.referenced.map((referenced) => createTable(referenced, referenceTable(shape.view.name, generation, referenced.view.name), [])),
  ].join("\n");
}

const present = named(
  "select c.relname::text as name from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind = 'i' and c.relname = any($1::text[])",
);

/** What two that make one index at once may get. */
const madeMeanwhile = new Set(["23505", "42P07"]);
const undefinedTable = "42P01";

/** Makes the indexes that were put off, each in a transaction of its own; applies wait meanwhile. Nothing where all are there. @throws GENERATION_MOVED for a generation that is gone */
export async function indexGeneration(database: Pick<Database, "query" | "array">, shape: ViewShape, generation: number): Promise<void> {
  if (shape.view.rollup !== undefined) return;
  const table = documentTable(shape.view.name, generation);
  const missingOf = async (indexes: readonly Index[]): Promise<readonly Index[]> => {
    const names = indexes.map(({ name }) => name);
    const { rows } = await database.query<{ name: string }>({ ...present, values: [database.array("text", names)] });
    const there = new Set(rows.map(({ name }) => name));
    return indexes.filter(({ name }) => !there.has(name));
  };
  const make = async (index: Index): Promise<void> => {
    try {
      await database.query({ text: index.create });
    } catch (error) {
      if (!madeMeanwhile.has(sqlState(error) ?? "") || (await missingOf([index])).length > 0) throw error;
    }
  };
  const missing = await missingOf(indexesOf(shape, table));
  try {
    for (const index of missing) await make(index);
    if (missing.length > 0) await database.query({ text: `analyze ${quoted(table)}` });
  } catch (error) {
    if (sqlState(error) === undefinedTable)
      throw new TidemarkError("GENERATION_MOVED", { view: shape.view.name, generation }, { cause: error });
    throw error;
  }
}

/** What `select * from <view>` shows: the live generation's documents, without placeholders and hidden columns. */
export const sqlViewQuery = (shape: ViewShape, generation: number): string =>
  `select ${[...shape.columns.keys()].map(quoted).join(", ") || "_key"} from ${quoted(documentTable(shape.view.name, generation))} where _held`;

export const sqlViewName = (view: string): string => quoted(fitName(view));
