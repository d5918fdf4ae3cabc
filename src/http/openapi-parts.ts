/** The parts of the OpenAPI document that all routes share: headers, parameters, problems. */
import type { JsonSchema } from "./json-schema.ts";
import { problemTitle, problemUri, type PublicCode, statusOfCode } from "./problem.ts";

export type Json = { readonly [name: string]: unknown };

/** Puts a schema among the components; gives the reference to it. */
export type AddSchema = (name: string, schema: JsonSchema) => Json;

export const ref = (kind: "schemas" | "parameters" | "headers" | "responses", name: string): Json => ({
  $ref: `#/components/${kind}/${name}`,
});

const text: JsonSchema = { type: "string" };
const header = (description: string, schema: JsonSchema, example?: string): Json => ({
  description,
  schema,
  ...(example === undefined ? {} : { example }),
});
const exampleToken = "1.W1sib3JkZXJzIiwiMDE5MzRmNWMtN2QxMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAxIiwwLDdd";

export const headers: Json = {
  ConsistencyToken: header("Names what was written; send it with a query to read at least that.", text, exampleToken),
  ETag: header("The version of the stream, for If-Match.", text, '"3"'),
  WeakETag: header("For If-None-Match; no version for If-Match.", text),
  Location: header("The thing that the command was about.", text),
  IdempotentReplayed: header("`true` where the first answer to this Idempotency-Key was given back.", { const: "true" }),
  ReadModelStale: header("`true` where the read model is known to be behind its logs, or behind the token asked for.", {
    enum: ["true", "false"],
  }),
  ReadModelAge: header("Seconds since the read model was last known to be caught up.", { type: "number", minimum: 0 }),
  PreferenceApplied: header("The preferences that were heeded.", text, "wait=2"),
  Link: header('The next page: `<…>; rel="next"`; absent on the last.', text),
  RetryAfter: header("Seconds until it is worth a repeat.", { type: "integer", minimum: 0 }),
  Allow: header("The methods that this path knows.", text),
};

const inHeader = (name: string, description: string, schema: JsonSchema, example?: string): Json => ({
  name,
  in: "header",
  required: false,
  description,
  schema,
  ...(example === undefined ? {} : { example }),
});

export const parameters: Json = {
  IdempotencyKey: inHeader(
    "Idempotency-Key",
    "Makes a repeat safe: the same key gets the same answer. Bare or quoted.",
    { type: "string", minLength: 1, maxLength: 257, pattern: "^[\\x21-\\x7e]+$" },
    "8e03978e-40d5-43e8-bc93-6894a57f9324",
  ),
  IfMatch: inHeader("If-Match", 'Only if the stream is at this version: `"3"`, a list of them, or `*` (it exists).', text, '"3"'),
  Prefer: inHeader(
    "Prefer",
    "`wait=<seconds>` (0 to 30, 5 by default): how long to wait for the token. `handling=lenient`: then answer stale data rather than 503.",
    text,
    "wait=2",
  ),
  PreferAsync: inHeader(
    "Prefer",
    "`respond-async`: 202 with `Location: /commands/{id}` once the command is durable, before it is decided. With `wait=<seconds>` (0 to 30): the synchronous answer where it comes in time.",
    text,
    "respond-async",
  ),
  ConsistencyToken: inHeader("Consistency-Token", "Read at least what this token names; several may be given, comma-separated.", text),
  Limit: {
    name: "limit",
    in: "query",
    required: false,
    description: "Documents on a page.",
    schema: { type: "integer", minimum: 1, maximum: 100, default: 20 },
    example: 20,
  },
  Cursor: {
    name: "cursor",
    in: "query",
    required: false,
    description: "`nextCursor` of the page before, for the same filters.",
    schema: { type: "string", minLength: 1 },
  },
};

const issue = (place: string, description: string): JsonSchema => ({
  type: "object",
  required: [place, "detail"],
  properties: { [place]: { type: "string", description }, detail: text },
});

export const problemSchema: JsonSchema = {
  type: "object",
  description: "A problem (RFC 9457).",
  required: ["type", "title", "status", "detail", "code"],
  properties: {
    type: { type: "string", format: "uri-reference" },
    title: text,
    status: { type: "integer", minimum: 400, maximum: 599 },
    detail: text,
    code: { type: "string", description: "Stable; for programs." },
    errors: {
      type: "array",
      items: { anyOf: [issue("pointer", "RFC 6901, into the body."), issue("parameter", "The name of the query or path parameter.")] },
    },
  },
};

export interface ProblemCase {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
}

/** The responses of one route by status, each with an example for every code. */
export function problemResponses(cases: readonly ProblemCase[], extraHeaders: (status: number) => Json = () => ({})): Json {
  const byStatus = new Map<number, ProblemCase[]>();
  for (const one of cases) byStatus.set(one.status, [...(byStatus.get(one.status) ?? []), one]);
  return Object.fromEntries(
    [...byStatus]
      .sort(([a], [b]) => a - b)
      .map(([status, ofStatus]) => [
        String(status),
        {
          description: ofStatus.map((one) => one.code).join(", "),
          headers: {
            ...(status === 503 ? { "Retry-After": ref("headers", "RetryAfter") } : {}),
            ...(status === 405 ? { Allow: ref("headers", "Allow") } : {}),
            ...extraHeaders(status),
          },
          content: {
            "application/problem+json": {
              schema: { allOf: [ref("schemas", "Problem"), { properties: { code: { enum: ofStatus.map((one) => one.code) } } }] },
              examples: Object.fromEntries(
                ofStatus.map((one) => [
                  one.code,
                  { value: { type: problemUri(one.code), title: problemTitle(one.code), status, detail: one.detail, code: one.code } },
                ]),
              ),
            },
          },
        },
      ]),
  );
}

const details: Readonly<Record<string, string>> = {
  INVALID_JSON: "The body is not valid JSON: it is empty.",
  INVALID_HEADER: "The header Idempotency-Key is not valid: it may stand once only",
  INVALID_TOKEN: "The consistency token is not valid: it was not made by this service",
  INVALID_CURSOR: "The cursor is not valid: it was not made for this query",
  INVALID_INPUT: "The request is not valid.",
};

/** The faults of section "Errors" that a route may answer, by code. */
export const faultCases = (codes: readonly PublicCode[]): readonly ProblemCase[] =>
  codes.map((code) => ({ status: statusOfCode(code), code, detail: details[code] ?? `${problemTitle(code)}.` }));
