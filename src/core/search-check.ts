/** What must hold of a view's `search`. */
import type { AnyView, Schema } from "./definition.ts";
import { fieldTypesOf, type JsonSchema } from "./document-fields.ts";
import { refuse } from "./names.ts";
import { jsonSchemaOf } from "./schema.ts";

interface Searched {
  readonly name: string;
  readonly document: Schema;
  readonly indexes: readonly (readonly string[])[];
  readonly search: AnyView["search"];
}

/** @throws INVALID_DEFINITION */
export function checkSearched({ name, document, indexes, search }: Searched): void {
  if (search === undefined) return;
  const { text, facets } = search;
  if (text.length === 0) refuse(`View '${name}' is searched in no field; name at least one in 'search.text'.`);
  const root = jsonSchemaOf(document, "output");
  const types = fieldTypesOf(root);
  for (const [role, fields] of Object.entries({ text, facets })) {
    const twice = fields.find((field, at) => fields.indexOf(field) !== at);
    if (twice !== undefined) refuse(`View '${name}': 'search.${role}' names '${twice}' twice.`);
  }
  for (const field of text) {
    const known = types.get(field);
    if (known === undefined) return refuse(`View '${name}' is searched in '${field}', which is no field of its document.`);
    const isText = [...known.types].every((type) => type === "string" || (type === "array" && mayHoldText(root, field)));
    if (!isText) refuse(`View '${name}' is searched in '${field}', which must be a text, a list of texts, or null.`);
  }
  for (const field of facets) {
    if (!indexes.some((index) => index.includes(field)))
      refuse(
        `View '${name}' counts its hits by '${field}', so '${field}' must stand in an index: clients filter by what they see counted.`,
      );
  }
}

/** Where the schema says plainly what its items are. */
function mayHoldText(root: JsonSchema, field: string): boolean {
  const properties = root["properties"] as Readonly<Record<string, JsonSchema>> | undefined;
  const items = properties?.[field]?.["items"];
  const type = typeof items === "object" && items !== null ? (items as JsonSchema)["type"] : undefined;
  return type === undefined || type === "string";
}
