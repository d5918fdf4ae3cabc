/** Searches as OpenAPI operations. */
import { documentSchema, isObject, type JsonSchema, requiredOf } from "./json-schema.ts";
import { exampleOf } from "./openapi-example.ts";
import { type AddSchema, faultCases, type Json, problemResponses, ref } from "./openapi-parts.ts";
import { filterParameters, filterSchema, freshnessParameters, ofView, operationId, viewFaults, viewHeaders } from "./openapi-view.ts";
import type { SearchRoute } from "./route-types.ts";
import type { ApiRoute } from "./routes.ts";

const wordsParameter: Json = {
  name: "q",
  in: "query",
  required: false,
  description:
    "Every word must be found, whole or as the beginning of one, in any order, ignoring case and accents. Empty: does not filter.",
  schema: { type: "string" },
  allowEmptyValue: true,
};

export function searchOperation({ path, parameters: names, target }: ApiRoute<SearchRoute>, add: AddSchema): Json {
  const { view, hide, highlight } = target;
  const schema = shown(documentSchema(view.document), hide);
  const item = add(hide.length === 0 ? `${view.name}_document` : `${view.name}_item`, schema);
  const facets = view.search?.facets ?? [];
  const counted = facets.map((field) => [field, filterSchema(view, field)] as const);
  return {
    operationId: operationId("search", path),
    tags: [view.name],
    parameters: [
      wordsParameter,
      ...filterParameters(names, target),
      ref("parameters", "Limit"),
      ref("parameters", "Cursor"),
      ...freshnessParameters,
    ],
    responses: {
      "200": {
        description: "A page of hits, and how many there are.",
        headers: { ...viewHeaders, "Link": ref("headers", "Link"), "Preference-Applied": ref("headers", "PreferenceApplied") },
        content: {
          "application/json": {
            schema: {
              type: "object",
              required: ["items", "total", "facets", ...(highlight ? ["highlights"] : []), "nextCursor"],
              properties: {
                items: { type: "array", items: item },
                total: { type: "integer", minimum: 0, description: "All hits, whatever the page." },
                facets: facetsSchema(counted),
                ...(highlight ? { highlights: highlightsSchema } : {}),
                nextCursor: { type: ["string", "null"] },
              },
            },
            example: {
              items: [exampleOf(schema, schema)],
              total: 1,
              facets: Object.fromEntries(counted.map(([field, of]) => [field, [{ value: exampleOf(of, of), count: 1 }]])),
              ...(highlight ? { highlights: [{}] } : {}),
              nextCursor: null,
            },
          },
        },
      },
      ...problemResponses(faultCases([...viewFaults, "INVALID_CURSOR"]), ofView),
    },
  };
}

const facetsSchema = (counted: readonly (readonly [string, JsonSchema])[]): JsonSchema => ({
  type: "object",
  description: "How many hits have which value: most frequent first, then by value; 20 at most.",
  required: counted.map(([field]) => field),
  properties: Object.fromEntries(
    counted.map(([field, value]) => [
      field,
      {
        type: "array",
        items: { type: "object", required: ["value", "count"], properties: { value, count: { type: "integer", minimum: 1 } } },
      },
    ]),
  ),
});

const highlightsSchema: JsonSchema = {
  type: "array",
  description: "By item, by searched field: fragments as HTML, with the found words between `<em>` and `</em>`.",
  items: { type: "object", additionalProperties: { type: "array", items: { type: "string" } } },
};

function shown(schema: JsonSchema, hide: readonly string[]): JsonSchema {
  const { properties } = schema;
  if (hide.length === 0 || !isObject(properties)) return schema;
  return {
    ...schema,
    properties: Object.fromEntries(Object.entries(properties).filter(([field]) => !hide.includes(field))),
    required: requiredOf(schema).filter((field) => !hide.includes(field)),
  };
}
