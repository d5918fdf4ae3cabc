/** Wrong requests of every kind against every route of an OpenAPI document: each must get the problem that the contract names, never a 5xx. */
import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import fc from "fast-check";
import { wrongBodies } from "./bad-input-bodies.ts";
import { type Asker, type Answer, type Json, operationsOf, type Wrong } from "./bad-input-operations.ts";
import { wrongHeaders, wrongParameters, wrongPaths } from "./bad-input-requests.ts";

/**
 * @param runs random requests for each operation and kind of mistake
 * @returns how often each "status CODE" was seen
 */
export async function badInput(
  ask: Asker,
  openApi: Json,
  { runs = 20, seed = 20261122 }: { readonly runs?: number; readonly seed?: number } = {},
): Promise<ReadonlyMap<string, number>> {
  const seen = new Map<string, number>();
  const operations = operationsOf(openApi);
  const kinds = operations.flatMap((operation) => [
    ...wrongBodies(operation),
    ...wrongHeaders(operation),
    ...wrongParameters(operation),
    ...wrongPaths(operation, operations),
  ]);
  for (const kind of kinds) {
    await fc.assert(
      fc.asyncProperty(kind, async (wrong) => {
        const outcome = checkProblem(wrong, await ask(wrong.ask));
        seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
      }),
      { numRuns: runs, seed },
    );
  }
  return seen;
}

/** Any request at all: whatever the answer is, it is no 5xx, and from 400 on a problem. */
export async function anyInput(
  ask: Asker,
  openApi: Json,
  { runs = 300, seed = 20261122 }: { readonly runs?: number; readonly seed?: number } = {},
): Promise<void> {
  const paths = operationsOf(openApi).map((operation) => operation.path);
  const segment = fc.oneof(
    fc.string({ unit: "binary", maxLength: 80 }).map(encodeLoosely),
    fc.constantFrom("..", ".", "%", "%zz", "%00", "%ff", "%2F", "search", "a".repeat(3_000)),
  );
  const url = fc
    .tuple(
      fc.constantFrom(...paths, "/", "/nope", "//"),
      segment,
      fc.oneof(
        fc.constant(""),
        fc.string({ maxLength: 60 }).map((text) => `?${encodeLoosely(text).replaceAll("%3D", "=").replaceAll("%26", "&")}`),
      ),
    )
    .map(([path, value, query]) => path.replace(/\{\w+\}/, value.replaceAll("$", "%24")) + query);
  const name = fc.constantFrom(
    "idempotency-key",
    "if-match",
    "if-none-match",
    "prefer",
    "consistency-token",
    "content-type",
    "content-encoding",
    "accept",
    "accept-version",
    "host",
    "traceparent",
    "tracestate",
    "range",
    "expect",
    "origin",
    "x-http-method-override",
    "forwarded",
    "cookie",
  );
  const headers = fc.dictionary(
    name,
    fc.string({ maxLength: 40 }).map((text) => text.replace(/[^\x21-\x7e]/g, "~")),
    { maxKeys: 4 },
  );
  const body = fc.option(
    fc.oneof(
      fc.json().map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    ),
    { nil: undefined },
  );
  const method = fc.constantFrom("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "QUERY", "LOCK");
  await fc.assert(
    fc.asyncProperty(method, url, headers, body, async (verb, target, given, bytes) => {
      const answer = await ask({ method: verb, url: target, headers: given, ...(bytes === undefined ? {} : { body: bytes }) });
      assert.ok(answer.status < 500 || (answer.status === 503 && target.startsWith("/readyz")), `${answer.status} ${answer.body}`);
      if (answer.status >= 400 && verb !== "HEAD")
        checkProblem({ what: "any", ask: { method: verb, url: target, headers: given }, expected: [] }, answer);
    }),
    { numRuns: runs, seed },
  );
}

function checkProblem({ what, ask, expected }: Wrong, { status, headers, body }: Answer): string {
  const where = `${what}: ${ask.method} ${ask.url} ${JSON.stringify(ask.headers)} ${ask.body?.subarray(0, 300).toString("utf8") ?? ""} → ${status} ${body.slice(0, 500)}`;
  assert.match(String(headers["content-type"]), /^application\/problem\+json/, where);
  const problem = JSON.parse(body) as Record<string, unknown>;
  assert.equal(problem["status"], status, where);
  for (const member of ["type", "title", "detail", "code"]) assert.equal(typeof problem[member], "string", where);
  assert.doesNotMatch(body, /\\n\s+at |node_modules|\.ts:\d/, where);
  const code = String(problem["code"]);
  const outcome = `${status} ${code}`;
  if (expected.length > 0) assert.ok(expected.includes(outcome), `expected ${expected.join(" or ")}: ${where}`);
  if (status === 405) assert.ok(String(headers["allow"]).length > 0, where);
  if (code === "INVALID_INPUT") assert.ok(Array.isArray(problem["errors"]) && problem["errors"].length > 0, where);
  return outcome;
}

const encodeLoosely = (text: string): string => encodeURIComponent(text.toWellFormed());

/** For a server that listens somewhere: what goes out is exactly what is asked. */
export const askOver =
  (baseUrl: string): Asker =>
  ({ method, url, headers, body }) =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(baseUrl);
      const lines = Object.entries(headers).map(([name, value]) => [name, typeof value === "string" ? value : [...value]] as const);
      const request = httpRequest(
        {
          hostname,
          port,
          method,
          path: url,
          headers: { ...Object.fromEntries(lines), ...(body === undefined ? {} : { "content-length": body.length }) },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString("utf8") }),
          );
          response.on("error", reject);
        },
      );
      request.on("error", reject);
      request.end(body);
    });
