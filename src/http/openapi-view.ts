/** Queries of a view as OpenAPI operations. */
import type { AnyView } from "../core/definition.ts";
import { jsonSchemaOf } from "../core/schema.ts";
import { bounds, holdsDays } from "./between.ts";
import { notFoundOf } from "./get-route.ts";
import { documentSchema, inputSchema, type JsonSchema, propertyOf } from "./json-schema.ts";
import { exampleOf } from "./openapi-example.ts";
import { keySchemaOf, pathParameter } from "./openapi-key.ts";
import { type AddSchema, faultCases, type Json, problemResponses, ref } from "./openapi-parts.ts";
import type { FindRoute, GetRoute } from "./route-types.ts";
import type { ApiRoute, HttpApi } from "./routes.ts";
import { notNull } from "./scalar.ts";
import { documentKeySchema, fieldKeySchema } from "./stream-key.ts";

export const viewHeaders: Json = { "Read-Model-Stale": ref("headers", "ReadModelStale"), "Read-Model-Age": ref("headers", "ReadModelAge") };
export const viewFaults = [
  "INVALID_TOKEN",
  "METHOD_NOT_ALLOWED",
  "INVALID_INPUT",
  "READ_MODEL_BEHIND",
  "READ_MODEL_PARKED",
  "OVERLOADED",
  "UNAVAILABLE",
] as const;
export const ofView = (status: number): Json => (status === 404 || status === 503 ? viewHeaders : {});
export const freshnessParameters = [ref("parameters", "ConsistencyToken"), ref("parameters", "Prefer")];

export function getOperation({ path, parameters: names, target }: ApiRoute<GetRoute>, api: HttpApi, add: AddSchema): Json {
  const document = addDocument(target.view, add);
  const schema = {
    type: "object",
    required: [target.as, "version", "lastUpdated", "stale"],
    properties: {
      [target.as]: document,
      version: { type: "integer", minimum: 0 },
      lastUpdated: { type: "string", format: "date-time" },
      stale: { type: "boolean" },
    },
  };
  const key = keySchemaOf(documentKeySchema(target.view));
  return {
    operationId: operationId("get", path),
    tags: [target.view.name],
    parameters: [...names.map((name) => pathParameter(name, key)), ...freshnessParameters],
    responses: {
      "200": {
        description: "The document.",
        headers: { ...viewHeaders, "ETag": ref("headers", "WeakETag"), "Preference-Applied": ref("headers", "PreferenceApplied") },
        content: {
          "application/json": {
            schema,
            example: { [target.as]: exampleDocument(target.view), version: 1, lastUpdated: "2026-03-01T10:00:00.000Z", stale: false },
          },
        },
      },
      "304": { description: "Not changed since If-None-Match.", headers: viewHeaders },
      ...problemResponses([...faultCases(viewFaults), { status: 404, ...notFoundOf(target, api) }], ofView),
    },
  };
}

/** In the path, then in the query. */
export const filterParameters = (names: readonly string[], { view, filter }: Pick<FindRoute, "view" | "filter">): Json[] => [
  ...names.map((name) => pathParameter(name, filterSchema(view, name))),
  ...filter
    .filter((name) => !names.includes(name))
    .map((name) => ({ name, in: "query", required: false, schema: filterSchema(view, name) })),
];

export function findOperation({ path, parameters: names, target }: ApiRoute<FindRoute>, add: AddSchema): Json {
  const document = addDocument(target.view, add);
  return {
    operationId: operationId("find", path),
    tags: [target.view.name],
    parameters: [
      ...filterParameters(names, target),
      ...(target.between === undefined
        ? [ref("parameters", "Limit"), ref("parameters", "Cursor")]
        : boundParameters(target.view, target.between)),
      ...freshnessParameters,
    ],
    responses: {
      "200": target.between === undefined ? pageResponse(target.view, document) : rangeResponse(target.view, document),
      ...problemResponses(faultCases([...viewFaults, ...(target.between === undefined ? (["INVALID_CURSOR"] as const) : [])]), ofView),
    },
  };
}

const pageResponse = (view: AnyView, document: Json): Json => ({
  description: "A page of documents.",
  headers: { ...viewHeaders, "Link": ref("headers", "Link"), "Preference-Applied": ref("headers", "PreferenceApplied") },
  content: {
    "application/json": {
      schema: {
        type: "object",
        required: ["items", "nextCursor"],
        properties: { items: { type: "array", items: document }, nextCursor: { type: ["string", "null"] } },
      },
      example: { items: [exampleDocument(view)], nextCursor: null },
    },
  },
});

const rangeResponse = (view: AnyView, document: Json): Json => ({
  description: "All documents between the bounds.",
  headers: { ...viewHeaders, "Preference-Applied": ref("headers", "PreferenceApplied") },
  content: {
    "application/json": {
      schema: { type: "object", required: ["items"], properties: { items: { type: "array", items: document } } },
      example: { items: [exampleDocument(view)] },
    },
  },
});

function boundParameters(view: AnyView, field: string): Json[] {
  const days = holdsDays(view, field, jsonSchemaOf(view.document, "output"));
  const schema = days ? { type: "string", format: "date" } : filterSchema(view, field);
  return bounds.map((name) => ({
    name,
    in: "query",
    required: false,
    schema,
    description: name === "from" ? `The first ${field}; from the beginning unless given.` : `The last ${field}; to the end unless given.`,
  }));
}

const addDocument = (view: AnyView, add: AddSchema): Json => add(`${view.name}_document`, documentSchema(view.document));

const exampleDocument = (view: AnyView): unknown => {
  const schema = documentSchema(view.document);
  return exampleOf(schema, schema);
};

export function filterSchema(view: AnyView, field: string): JsonSchema {
  const key = fieldKeySchema(view, field);
  if (key !== undefined) return inputSchema(key);
  const root: JsonSchema = jsonSchemaOf(view.document, "output");
  const { type, ...schema } = notNull(root, propertyOf(root, field) ?? {});
  return { ...schema, type: Array.isArray(type) ? type.find((name) => name !== "null") : type };
}

export const operationId = (verb: string, path: string): string =>
  verb +
  path
    .replace(/[{}]/g, "")
    .split("/")
    .filter((part) => part !== "")
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join("");
