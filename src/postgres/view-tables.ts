/** Tables, indexes and the SQL view of a generation. */
import type { ColumnType } from "./view-columns.ts";
import { documentTable, fitName, quoted, referenceTable } from "./view-names.ts";
import type { ViewShape } from "./view-shape.ts";

/** Text compares by code point, in indexes as in `find`, whatever the database's locale. */
const sqlType = (type: ColumnType): string => (type === "text" ? 'text collate "C"' : type);

function createTable(shape: ViewShape, table: string, indexes: readonly (readonly string[])[]): string {
  const columns = [...shape.columns.values()].map((c) => `${quoted(c.field)} ${sqlType(c.type)}`);
  const hidden = [
    '_key text collate "C" primary key',
    "_held boolean not null default false",
    "_version bigint not null default 0",
    "_updated text",
    "_rest json",
  ];
  const creations = indexes.map(
    (fields) =>
      `create index ${quoted(fitName(`${table}_by_${fields.join("_")}`))} on ${quoted(table)}(${[...fields.map(quoted), "_key"].join(", ")});`,
  );
  return [`create table ${quoted(table)}(${[...hidden, ...columns].join(", ")}) with (fillfactor = 80);`, ...creations].join("\n");
}

export const createGeneration = (shape: ViewShape, generation: number): string =>
  [
    createTable(shape, documentTable(shape.view.name, generation), shape.indexes),
    ...shape.referenced.map((referenced) => createTable(referenced, referenceTable(shape.view.name, generation, referenced.view.name), [])),
  ].join("\n");

/** What `select * from <view>` shows: the live generation's documents, without placeholders and hidden columns. */
export const sqlViewQuery = (shape: ViewShape, generation: number): string =>
  `select ${[...shape.columns.keys()].map(quoted).join(", ") || "_key"} from ${quoted(documentTable(shape.view.name, generation))} where _held`;

export const sqlViewName = (view: string): string => quoted(fitName(view));
