/** Wrong headers, parameters, ids, paths and methods. */
import fc from "fast-check";
import { type Operation, rightAsk, type Wrong } from "./bad-input-operations.ts";

const invalidHeader = ["400 INVALID_HEADER"];
const invalidInput = ["422 INVALID_INPUT"];

export function wrongHeaders(operation: Operation): readonly fc.Arbitrary<Wrong>[] {
  const right = rightAsk(operation);
  const takes = (name: string) => operation.parameters.some((parameter) => parameter.in === "header" && parameter.name === name);
  const header = (name: string, values: fc.Arbitrary<string | readonly string[]>, expected: readonly string[]) =>
    values.map((value): Wrong => ({ what: `header ${name}`, ask: { ...right, headers: { ...right.headers, [name]: value } }, expected }));
  const wrong: fc.Arbitrary<Wrong>[] = [];
  if (takes("Idempotency-Key")) {
    const text = fc.oneof(
      fc.constantFrom('"', '"a', '""', '"a"b"', '"a";p=1', "a b", '"a b"', "a\tb", "é", "a, b"),
      fc.integer({ min: 256, max: 2_000 }).map((length) => "k".repeat(length)),
    );
    wrong.push(
      header("idempotency-key", text, invalidHeader),
      header("idempotency-key", fc.constantFrom(["a", "b"], ["a", "a"], ['"a"', "a"]), invalidHeader),
    );
  }
  if (takes("If-Match"))
    wrong.push(
      header(
        "if-match",
        fc.constantFrom(
          'W/"1"',
          "1",
          '"a"',
          '""',
          '"01"',
          '"-1"',
          '"1.0"',
          '"1" "2"',
          '*, "1"',
          '"1",',
          '"99999999999999999"',
          "**",
          '"1',
          "'1'",
          "W/*",
        ),
        invalidHeader,
      ),
    );
  if (takes("Consistency-Token")) {
    const base64 = fc
      .jsonValue({ maxDepth: 3 })
      .map((value) => `1.${Buffer.from(JSON.stringify(value).toWellFormed()).toString("base64url")}`);
    const rows = fc
      .constantFrom(
        [],
        [[]],
        [["orders"]],
        [["orders", "x", 0, 1]],
        [[1, 2, 3, 4]],
        [["orders", "01934f5c-7d10-7000-8000-000000000001", -1, 1]],
        [["orders", "01934f5c-7d10-7000-8000-000000000001", 0, 1.5]],
        [["orders", "01934f5c-7d10-7000-8000-000000000001", 0, "1"]],
      )
      .map((value) => `1.${Buffer.from(JSON.stringify(value)).toString("base64url")}`);
    const many = fc.constant(
      `1.${Buffer.from(JSON.stringify(Array.from({ length: 65 }, (_, at) => ["orders", "01934f5c-7d10-7000-8000-000000000001", at, 1]))).toString("base64url")}`,
    );
    wrong.push(
      header(
        "consistency-token",
        fc.oneof(fc.stringMatching(/^[!-+\--~]{1,60}$/), base64, rows, many, fc.constantFrom("1.", "2.W10", ",", "1.e30,1.e30", "1.%%%")),
        ["400 INVALID_TOKEN"],
      ),
    );
  }
  return wrong;
}

export function wrongParameters(operation: Operation): readonly fc.Arbitrary<Wrong>[] {
  const right = rightAsk(operation);
  if (operation.method !== "GET" || operation.parameters.length === 0) return [];
  const query = (what: string, text: fc.Arbitrary<string>, expected: readonly string[]) =>
    text.map((given): Wrong => ({ what, ask: { ...right, url: `${right.url}?${given}` }, expected }));
  const inQuery = operation.parameters.filter((parameter) => parameter.in === "query");
  const names = new Set(inQuery.map((parameter) => parameter.name));
  const encoded = (text: string) => encodeURIComponent(text.toWellFormed());
  const wrong = [
    query(
      "unknown parameter",
      fc
        .tuple(
          fc.stringMatching(/^[a-zA-Z_.[\]]{1,10}$/).filter((name) => !names.has(name)),
          fc.string(),
        )
        .map(([name, value]) => `${encoded(name)}=${encoded(value)}`),
      invalidInput,
    ),
    query("bad percent-encoding", fc.constantFrom("%=1", "limit=%", "cursor=%zz", "limit=%ff", "status=%c3%28"), invalidInput),
  ];
  if (names.size > 0)
    wrong.push(
      query(
        "empty or repeated",
        fc
          .constantFrom(...inQuery)
          .chain(({ name, allowEmptyValue }) =>
            fc.constantFrom(...(allowEmptyValue === true ? [] : [`${name}=`, name]), `${name}=1&${name}=1`),
          ),
        invalidInput,
      ),
    );
  if (names.has("limit"))
    wrong.push(
      query(
        "limit",
        fc
          .oneof(
            fc.constantFrom("0", "101", "-1", "1.5", "1e1", "+5", "05", "NaN", "0x10", "%20", "1000", "999999999999999999999"),
            fc
              .string({ minLength: 1 })
              .filter((text) => !/^\d+$/.test(text))
              .map(encoded),
          )
          .map((text) => `limit=${text}`),
        invalidInput,
      ),
    );
  if (names.has("cursor")) {
    const forged = fc
      .array(fc.jsonValue({ maxDepth: 1 }), { maxLength: 4 })
      .map((values) => Buffer.from(`AAAAAAAAAAAAAAAA${JSON.stringify(values).toWellFormed()}`).toString("base64url"));
    wrong.push(
      query(
        "cursor",
        fc
          .oneof(forged, fc.string({ minLength: 1 }).map(encoded), fc.constantFrom("A".repeat(9_000), "bnVsbA", "W10"))
          .map((text) => `cursor=${text}`),
        ["400 INVALID_CURSOR"],
      ),
    );
  }
  for (const { name, schema } of inQuery)
    if (Array.isArray(schema["enum"]))
      wrong.push(
        query(
          "no such value",
          fc.constantFrom("x", "created", "CREATED ", "null", "CREATED,PAID").map((text) => `${name}=${encoded(text)}`),
          invalidInput,
        ),
      );
  for (const { name, schema } of inQuery)
    if (typeof schema["pattern"] === "string")
      wrong.push(
        query(
          "no key",
          badIds.map((text) => `${name}=${encoded(text)}`),
          invalidInput,
        ),
      );
  return wrong;
}

/** No id of the contract: another character, too long, or only dots. */
const badIds = fc.oneof(
  fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 30 })
    .map((text) => text.toWellFormed())
    .filter((text) => !/^[A-Za-z0-9._:-]{1,64}$/.test(text)),
  fc.integer({ min: 65, max: 3_000 }).map((length) => "a".repeat(length)),
  fc.constantFrom("a/b", "a b", " ", "é", "\u0000", "a\n", "{id}", "'; drop table x; --", "%"),
);

const oddMethods = [
  "PUT",
  "PATCH",
  "DELETE",
  "TRACE",
  "PROPFIND",
  "MKCOL",
  "LOCK",
  "PURGE",
  "SEARCH",
  "REPORT",
  "SOURCE",
  "M-SEARCH",
  "QUERY",
];

export function wrongPaths(operation: Operation, all: readonly Operation[]): readonly fc.Arbitrary<Wrong>[] {
  const right = rightAsk(operation);
  const methods = all.filter((other) => other.path === operation.path).map((other) => other.method);
  const other = (["GET", "POST"] as const).filter((method) => !methods.includes(method));
  const named = operation.parameters.find((parameter) => parameter.in === "path");
  const path = (what: string, urls: fc.Arbitrary<string>, expected: readonly string[]) =>
    urls.map((url): Wrong => ({ what, ask: { ...right, url }, expected }));
  const put = (id: string) => operation.path.replace(/\{\w+\}/, () => id);
  return [
    fc
      .constantFrom(...oddMethods, ...other)
      .map((method): Wrong => ({ what: "method", ask: { method, url: right.url, headers: {} }, expected: ["405 METHOD_NOT_ALLOWED"] })),
    path(
      "unknown path",
      fc.constantFrom(`${right.url}/`, `${right.url}/x/y/z`, `/x${right.url}`, right.url.toUpperCase(), `/${right.url}`),
      ["404 NOT_FOUND"],
    ),
    ...(named === undefined
      ? []
      : [
          path(
            "id",
            badIds.map((id) => put(encodeURIComponent(id))),
            invalidInput,
          ),
          path("percent-encoding", fc.constantFrom("%", "%zz", "%ff", "a%c3%28", "%ed%a0%80").map(put), ["404 NOT_FOUND"]),
        ]),
  ];
}
