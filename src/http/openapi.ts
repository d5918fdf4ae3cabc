/** The OpenAPI 3.1 document of the part of an API that a process serves. */
import type { AnyView, Schema } from "../core/definition.ts";
import { jsonSchemaOf } from "../core/schema.ts";
import { documentSchema, inputSchema, isObject, type JsonSchema, propertyOf, requiredOf } from "./json-schema.ts";
import { notFoundOf } from "./get-route.ts";
import { exampleOf } from "./openapi-example.ts";
import { faultCases, headers, type Json, parameters, type ProblemCase, problemResponses, problemSchema, ref } from "./openapi-parts.ts";
import type { CommandRoute, FindRoute, GetRoute } from "./route-types.ts";
import type { ApiRoute, HttpApi } from "./routes.ts";
import { notNull } from "./scalar.ts";
import { documentKeySchema, fieldKeySchema, streamKeySchema } from "./stream-key.ts";
import { healthPaths } from "./openapi-health.ts";

export interface OpenApiDocument {
  readonly openapi: "3.1.1";
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly components: Json;
}

export function openApi(api: HttpApi, served: readonly ApiRoute[]): OpenApiDocument {
  const schemas: Record<string, unknown> = { Problem: problemSchema };
  /** A named schema; its own `$defs` stay with it. */
  const add = (name: string, schema: JsonSchema): Json => {
    schemas[name] = rebase(schema, `#/components/schemas/${name}`);
    return ref("schemas", name);
  };
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of served) (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route, api, add);
  return {
    openapi: "3.1.1",
    info: { title: api.title, version: api.version },
    paths: { ...paths, ...healthPaths },
    components: { schemas, parameters, headers },
  };
}

type Add = (name: string, schema: JsonSchema) => Json;

function operation(route: ApiRoute, api: HttpApi, add: Add): Json {
  if (route.target.kind === "command") return commandOperation({ ...route, target: route.target }, api, add);
  if (route.target.kind === "get") return getOperation({ ...route, target: route.target }, api, add);
  return findOperation({ ...route, target: route.target }, add);
}

const pathParameter = (name: string, schema: JsonSchema): Json => ({ name, in: "path", required: true, schema, example: exampleOf(schema, schema, name) });

const keySchemaOf = (schema: Schema | undefined): JsonSchema => (schema === undefined ? { type: "string", minLength: 1 } : inputSchema(schema));

function commandOperation({ path, parameters: names, target }: ApiRoute<CommandRoute>, api: HttpApi, add: Add): Json {
  const { aggregate, type, schema } = target.type;
  const creates = names.length === 0;
  const key = keySchemaOf(streamKeySchema(aggregate));
  const data = inputSchema(schema);
  const body = creates ? { ...data, properties: { [aggregate.id]: key, ...(isObject(data["properties"]) ? data["properties"] : {}) } } : data;
  const rejections = (target.rejects ?? Object.keys(aggregate.reasons)).map((name): ProblemCase => {
    const reason = aggregate.reasons[name];
    return { status: api.statuses[name] ?? 409, code: name, detail: typeof reason === "string" ? reason : "Refused." };
  });
  const faults = faultCases([
    "INVALID_JSON", "INVALID_HEADER", "METHOD_NOT_ALLOWED", "COMMAND_IN_PROGRESS", ...(creates ? [] : ["VERSION_MISMATCH" as const]), "PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE",
    "INVALID_INPUT", "IDEMPOTENCY_KEY_REUSED", "CONTENTION", "OVERLOADED", "UNAVAILABLE",
  ]);
  return {
    operationId: type,
    summary: words(type),
    tags: [aggregate.name],
    parameters: [...names.map((name) => pathParameter(name, key)), ref("parameters", "IdempotencyKey"), ...(creates ? [] : [ref("parameters", "IfMatch")])],
    requestBody: {
      required: requiredOf(data).length > 0,
      content: { "application/json": { schema: add(type, body), example: exampleOf(body, body) } },
    },
    responses: {
      "202": {
        description: "Accepted: the events are durable.",
        headers: { "Consistency-Token": ref("headers", "ConsistencyToken"), ETag: ref("headers", "ETag"), Location: ref("headers", "Location"), "Idempotent-Replayed": ref("headers", "IdempotentReplayed") },
        content: {
          "application/json": {
            schema: { type: "object", required: [aggregate.id, "version"], properties: { [aggregate.id]: key, version: { type: "integer", minimum: 0 } } },
            example: { [aggregate.id]: exampleOf(key, key, aggregate.id), version: 1 },
          },
        },
      },
      ...problemResponses([...rejections, ...faults], () => ({ "Idempotent-Replayed": ref("headers", "IdempotentReplayed") })),
    },
    description: `POST ${path}`,
  };
}

const viewHeaders: Json = { "Read-Model-Stale": ref("headers", "ReadModelStale"), "Read-Model-Age": ref("headers", "ReadModelAge") };
const viewFaults = ["INVALID_TOKEN", "METHOD_NOT_ALLOWED", "INVALID_INPUT", "READ_MODEL_BEHIND", "READ_MODEL_PARKED", "OVERLOADED", "UNAVAILABLE"] as const;
const ofView = (status: number): Json => (status === 404 || status === 503 ? viewHeaders : {});
const freshnessParameters = [ref("parameters", "ConsistencyToken"), ref("parameters", "Prefer")];

function getOperation({ path, parameters: names, target }: ApiRoute<GetRoute>, api: HttpApi, add: Add): Json {
  const document = addDocument(target.view, add);
  const schema = { type: "object", required: [target.as, "version", "lastUpdated", "stale"], properties: { [target.as]: document, version: { type: "integer", minimum: 0 }, lastUpdated: { type: "string", format: "date-time" }, stale: { type: "boolean" } } };
  const key = keySchemaOf(documentKeySchema(target.view));
  return {
    operationId: operationId("get", path),
    tags: [target.view.name],
    parameters: [...names.map((name) => pathParameter(name, key)), ...freshnessParameters],
    responses: {
      "200": {
        description: "The document.",
        headers: { ...viewHeaders, ETag: ref("headers", "WeakETag"), "Preference-Applied": ref("headers", "PreferenceApplied") },
        content: { "application/json": { schema, example: { [target.as]: exampleDocument(target.view), version: 1, lastUpdated: "2026-03-01T10:00:00.000Z", stale: false } } },
      },
      "304": { description: "Not changed since If-None-Match.", headers: viewHeaders },
      ...problemResponses([...faultCases(viewFaults), { status: 404, ...notFoundOf(target, api) }], ofView),
    },
  };
}

function findOperation({ path, parameters: names, target }: ApiRoute<FindRoute>, add: Add): Json {
  const document = addDocument(target.view, add);
  return {
    operationId: operationId("find", path),
    tags: [target.view.name],
    parameters: [
      ...names.map((name) => pathParameter(name, filterSchema(target.view, name))),
      ...target.filter.filter((name) => !names.includes(name)).map((name) => ({ name, in: "query", required: false, schema: filterSchema(target.view, name) })),
      ref("parameters", "Limit"), ref("parameters", "Cursor"), ...freshnessParameters,
    ],
    responses: {
      "200": {
        description: "A page of documents.",
        headers: { ...viewHeaders, Link: ref("headers", "Link"), "Preference-Applied": ref("headers", "PreferenceApplied") },
        content: {
          "application/json": {
            schema: { type: "object", required: ["items", "nextCursor"], properties: { items: { type: "array", items: document }, nextCursor: { type: ["string", "null"] } } },
            example: { items: [exampleDocument(target.view)], nextCursor: null },
          },
        },
      },
      ...problemResponses(faultCases([...viewFaults, "INVALID_CURSOR"]), ofView),
    },
  };
}

const addDocument = (view: AnyView, add: Add): Json => add(`${view.name}_document`, documentSchema(view.document));

const exampleDocument = (view: AnyView): unknown => {
  const schema = documentSchema(view.document);
  return exampleOf(schema, schema);
};

function filterSchema(view: AnyView, field: string): JsonSchema {
  const key = fieldKeySchema(view, field);
  if (key !== undefined) return inputSchema(key);
  const root: JsonSchema = jsonSchemaOf(view.document, "output");
  const { type, ...schema } = notNull(root, propertyOf(root, field) ?? {});
  return { ...schema, type: Array.isArray(type) ? type.find((name) => name !== "null") : type };
}

const words = (type: string): string => type.replace(/([a-z0-9])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`);

const operationId = (verb: string, path: string): string => verb + path.replace(/[{}]/g, "").split("/").filter((part) => part !== "").map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join("");

/** References of a schema to its own root, from where it stands now. */
function rebase(schema: unknown, base: string): unknown {
  if (Array.isArray(schema)) return schema.map((item) => rebase(item, base));
  if (!isObject(schema)) return schema;
  return Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, name === "$ref" && typeof value === "string" ? value.replace(/^#/, base) : rebase(value, base)]));
}
