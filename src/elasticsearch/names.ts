/** Names of indexes and aliases, and which views can be kept in them. */
import type { AnyView } from "../core/definition.ts";
import { type FieldTypes, fieldTypesOf, onlyType } from "../core/document-fields.ts";
import { jsonSchemaOf } from "../core/schema.ts";
import { TidemarkError } from "../errors.ts";
import { indexedFields } from "../runtime/find-check.ts";

/**
 * What reads and writes go through, such as `order_search-g3`. The index behind it has another name, so a write that comes after the
 * generation was dropped finds no alias and makes no index.
 */
export const documentAlias = (prefix: string, view: string, generation: number): string => `${prefix}${view}-g${generation}`;

/** Of a generation's private copy of a view that it refers to, such as `order_search-g3-customer_cards`. */
export const referenceAlias = (prefix: string, view: string, generation: number, referenced: string): string =>
  `${documentAlias(prefix, view, generation)}-${referenced}`;

export const indexOf = (alias: string): string => `${alias}.index`;

/** How a field is indexed. Numbers of JSON are doubles in JavaScript, so none is rounded or refused as one. */
export type IndexedType = "keyword" | "double" | "boolean";

const fitPrefix = /^$|^[a-z0-9][a-z0-9_.-]*$/;

/** @throws INVALID_DEFINITION */
export function acceptView(prefix: string, view: AnyView): void {
  if (!fitPrefix.test(prefix))
    refuse(view, `the prefix '${prefix}' cannot begin an index's name (lower-case letters, digits, '_', '-', '.').`);
  if (view.rollup !== undefined)
    refuse(view, "it is a rollup, which is kept by increments in one transaction; PostgreSQL and ClickHouse have them.");
  indexedTypes(view);
}

/** @throws INVALID_DEFINITION */
export function indexedTypes(view: AnyView): ReadonlyMap<string, IndexedType> {
  const schema = fieldTypesOf(jsonSchemaOf(view.document, "output"));
  return new Map(
    indexedFields(view).map((field) => {
      if (field === "" || field.includes(".") || field.trim() !== field || field.length > 200)
        refuse(
          view,
          `the field '${field}' cannot be indexed: its name is empty, too long, has blanks around it or a '.', which is a path there.`,
        );
      const type = indexedType(schema.get(field));
      if (type === undefined)
        refuse(
          view,
          `the field '${field}' cannot be indexed: its schema does not say that it holds text, a number or a boolean, one of them.`,
        );
      return [field, type];
    }),
  );
}

function indexedType(field: FieldTypes | undefined): IndexedType | undefined {
  switch (field === undefined ? undefined : onlyType(field)) {
    case "string":
      return "keyword";
    case "integer":
    case "number":
      return "double";
    case "boolean":
      return "boolean";
    default:
      return undefined;
  }
}

function refuse(view: AnyView, problem: string): never {
  throw new TidemarkError("INVALID_DEFINITION", { what: `View '${view.name}' on Elasticsearch: ${problem}` });
}
