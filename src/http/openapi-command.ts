/** A command as an OpenAPI operation. */
import { isObject, inputSchema, requiredOf } from "./json-schema.ts";
import { exampleOf } from "./openapi-example.ts";
import { keySchemaOf, pathParameter } from "./openapi-key.ts";
import { type AddSchema, faultCases, type Json, type ProblemCase, problemResponses, ref } from "./openapi-parts.ts";
import type { CommandRoute } from "./route-types.ts";
import type { ApiRoute, HttpApi } from "./routes.ts";
import { streamKeySchema } from "./stream-key.ts";

export function commandOperation({ path, parameters: names, target }: ApiRoute<CommandRoute>, api: HttpApi, add: AddSchema): Json {
  const { aggregate, type, schema } = target.type;
  const creates = names.length === 0;
  const key = keySchemaOf(streamKeySchema(aggregate));
  const data = inputSchema(schema);
  const body = creates
    ? { ...data, properties: { [aggregate.id]: key, ...(isObject(data["properties"]) ? data["properties"] : {}) } }
    : data;
  const rejections = (target.rejects ?? Object.keys(aggregate.reasons)).map((name): ProblemCase => {
    const reason = aggregate.reasons[name];
    return { status: api.statuses[name] ?? 409, code: name, detail: typeof reason === "string" ? reason : "Refused." };
  });
  const faults = faultCases([
    "INVALID_JSON",
    "INVALID_HEADER",
    "METHOD_NOT_ALLOWED",
    "COMMAND_IN_PROGRESS",
    ...(creates ? [] : ["VERSION_MISMATCH" as const]),
    "PAYLOAD_TOO_LARGE",
    "UNSUPPORTED_MEDIA_TYPE",
    "INVALID_INPUT",
    "IDEMPOTENCY_KEY_REUSED",
    "CONTENTION",
    "OVERLOADED",
    "UNAVAILABLE",
  ]);
  return {
    operationId: type,
    summary: words(type),
    tags: [aggregate.name],
    parameters: [
      ...names.map((name) => pathParameter(name, key)),
      ref("parameters", "IdempotencyKey"),
      ...(creates ? [] : [ref("parameters", "IfMatch")]),
      ref("parameters", "PreferAsync"),
    ],
    requestBody: {
      required: requiredOf(data).length > 0,
      content: { "application/json": { schema: add(type, body), example: exampleOf(body, body) } },
    },
    responses: {
      "202": {
        description:
          "Accepted: the events are durable. With `Prefer: respond-async`: the command is durable and not decided yet; `Location` is its status.",
        headers: {
          "Consistency-Token": ref("headers", "ConsistencyToken"),
          "ETag": ref("headers", "ETag"),
          "Location": ref("headers", "Location"),
          "Idempotent-Replayed": ref("headers", "IdempotentReplayed"),
          "Preference-Applied": ref("headers", "PreferenceApplied"),
        },
        content: {
          "application/json": {
            schema: {
              anyOf: [
                {
                  type: "object",
                  required: [aggregate.id, "version"],
                  properties: { [aggregate.id]: key, version: { type: "integer", minimum: 0 } },
                },
                { type: "object", required: ["commandId"], properties: { commandId: { type: "string" } } },
              ],
            },
            example: { [aggregate.id]: exampleOf(key, key, aggregate.id), version: 1 },
          },
        },
      },
      ...problemResponses([...rejections, ...faults], () => ({ "Idempotent-Replayed": ref("headers", "IdempotentReplayed") })),
    },
    description: `POST ${path}`,
  };
}

const words = (type: string): string =>
  type.replace(/([a-z0-9])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`);
