/** Names of collections, and which views a collection can hold. */
import type { AnyView } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";

/** What the store keeps beside a document's own fields. */
export const meta = "_tidemark";

/** The documents of one generation, such as `order_details_g3`. */
export const documentCollection = (prefix: string, view: string, generation: number): string => `${prefix}${view}_g${generation}`;

/** A generation's private copy of a view that it refers to, such as `order_details_g3__customer_cards`. */
export const referenceCollection = (prefix: string, view: string, generation: number, referenced: string): string =>
  `${prefix}${view}_g${generation}__${referenced}`;

/** @throws INVALID_DEFINITION */
export function acceptView(view: AnyView): void {
  const refuse = (problem: string): never => {
    throw new TidemarkError("INVALID_DEFINITION", { what: `View '${view.name}' on MongoDB: ${problem}` });
  };
  if (view.rollup !== undefined)
    refuse("it is a rollup, which is kept by increments in one transaction; PostgreSQL and ClickHouse have them.");
  if (view.search !== undefined)
    refuse("it declares 'search', and a text index matches whole words of one language; PostgreSQL, Elasticsearch and OpenSearch search.");
  if (/_g\d+(__|$)/.test(view.name))
    refuse("a view's name holds no '_g' and a number at its end or before '__', as names of collections do.");
  for (const field of [...view.indexes.flat(), ...Object.keys(view.references)]) {
    if (field === "_id" || field === meta || field.startsWith("$") || field.includes("."))
      refuse(`the field '${field}' cannot be indexed: '_id' and '${meta}' are the store's, and '$' and '.' have a meaning in queries.`);
  }
}
