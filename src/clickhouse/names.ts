/** Names of tables, and which views a table can hold. */
import type { AnyView } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import { identifier } from "./sql.ts";

/** The rows of one generation, such as `order_details_g3`. */
export const tableName = (prefix: string, view: string, generation: number): string => `${prefix}${view}_g${generation}`;

/** For statements: the embedded engine has no current database of a client. */
export const qualified = (database: string, table: string): string => `${identifier(database)}.${identifier(table)}`;

/** Names that ClickHouse takes for its own columns, or reads as parts of another. */
export const isReserved = (field: string): boolean => field === "" || field.startsWith("_") || field.includes(".");

/** @throws INVALID_DEFINITION */
export function acceptNames(view: AnyView): void {
  const refuse = refusing(view);
  if (/_g\d+$/.test(view.name)) refuse("a view's name does not end in '_g' and a number, as names of tables do.");
  if (view.rollup === undefined)
    for (const field of view.indexes.flat())
      if (isReserved(field))
        refuse(`the field '${field}' cannot be indexed: names of columns that begin with '_' or hold '.' have a meaning there.`);
}

/** Rows of a key are ordered by the position that they have seen, which needs one partition as their only writer. */
export function acceptFeatures(view: AnyView): void {
  const refuse = refusing(view);
  const rollup = view.rollup !== undefined;
  const measured = view.rollup?.of ?? view;
  if (measured.keyed !== "stream") {
    const whose = rollup ? `it measures '${measured.name}', whose documents are` : "its documents are";
    refuse(
      `${whose} keyed by 'key', so several partitions write one document; that needs conditional writes, which ClickHouse has not. PostgreSQL and MongoDB have them.`,
    );
  }
  if (view.search !== undefined)
    refuse("it is searched by words, which ClickHouse has no ranking for. Elasticsearch, OpenSearch and PostgreSQL have it.");
  const reference = rollup ? undefined : Object.keys(view.references)[0];
  if (reference !== undefined)
    refuse(
      `it refers to another view by '${reference}'; copied fields need conditional writes, which ClickHouse has not. PostgreSQL and MongoDB have them.`,
    );
}

export const refusing =
  (view: AnyView) =>
  (problem: string): never => {
    throw new TidemarkError("INVALID_DEFINITION", { what: `View '${view.name}' on ClickHouse: ${problem}` });
  };
