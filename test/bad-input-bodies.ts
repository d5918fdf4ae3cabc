/** Wrong bodies, made from a right one. */
import fc from "fast-check";
import { type Json, type Operation, rightAsk, type Wrong } from "./bad-input-operations.ts";

const invalidJson = ["400 INVALID_JSON"];
const invalidInput = ["422 INVALID_INPUT"];
const unsupported = ["415 UNSUPPORTED_MEDIA_TYPE"];

export function wrongBodies(operation: Operation): readonly fc.Arbitrary<Wrong>[] {
  if (operation.body === undefined) return [];
  const { example, required, schema } = operation.body;
  const right = rightAsk(operation);
  const bytes = (what: string, body: fc.Arbitrary<Buffer>, expected: readonly string[]) =>
    body.map((raw): Wrong => ({ what, ask: { ...right, body: raw }, expected }));
  const value = (what: string, values: fc.Arbitrary<unknown>, expected: readonly string[]) =>
    bytes(
      what,
      values.map((one) => Buffer.from(JSON.stringify(one))),
      expected,
    );
  const typed = (what: string, contentType: fc.Arbitrary<string | undefined>) =>
    contentType.map((given): Wrong => ({
      what,
      ask: { ...right, headers: given === undefined ? {} : { "content-type": given } },
      expected: unsupported,
    }));
  const places = placesOf(example, schema);
  const objects = objectsOf(example);

  return [
    bytes(
      "no JSON",
      fc
        .string({ unit: "grapheme", minLength: 1 })
        .filter((text) => !isJson(text))
        .map((text) => Buffer.from(text)),
      invalidJson,
    ),
    bytes(
      "cut JSON",
      fc.integer({ min: 1, max: JSON.stringify(example).length - 1 }).map((end) => Buffer.from(JSON.stringify(example).slice(0, end))),
      invalidJson,
    ),
    bytes(
      "no UTF-8",
      fc
        .constantFrom("c328", "ff", "eda080", "f8a1a1a1a1")
        .map((hex) => Buffer.concat([Buffer.from('{"name":"'), Buffer.from(hex, "hex"), Buffer.from('"}')])),
      invalidJson,
    ),
    bytes(
      "a prototype",
      fc
        .constantFrom('{"__proto__":{"a":1}}', '{"constructor":{"prototype":{"a":1}}}', '{"\\u005f_proto__":1}')
        .map((text) => Buffer.from(text)),
      invalidJson,
    ),
    bytes(
      "a member twice",
      fc.constantFrom('{"a":1,"a":2}', '{"a":1,"\\u0061":1}', '{"x":[{"b":{},"b":[]}]}').map((text) => Buffer.from(text)),
      invalidJson,
    ),
    bytes(
      "too large",
      fc.integer({ min: 1_048_577, max: 1_050_000 }).map((size) => Buffer.alloc(size, 0x20)),
      ["413 PAYLOAD_TOO_LARGE"],
    ),
    bytes(
      "too deep",
      fc.integer({ min: 21, max: 5_000 }).map((depth) => Buffer.from(`${"[".repeat(depth)}${"]".repeat(depth)}`)),
      invalidInput,
    ),
    value(
      "no object",
      fc.oneof(
        fc.integer(),
        fc.string().map((text) => text.toWellFormed()),
        fc.boolean(),
        fc.constant(null),
        fc.constant([]),
      ),
      invalidInput,
    ),
    value(
      "an unknown member",
      fc
        .tuple(fc.constantFrom(...objects), fc.stringMatching(/^zz[a-z~/]{0,8}$/), fc.jsonValue({ maxDepth: 2 }))
        .map(([at, name, extra]) => changed(example, at, (object) => ({ ...(object as Json), [name]: extra }))),
      invalidInput,
    ),
    ...(places.length === 0
      ? []
      : [
          value(
            "another type",
            fc.constantFrom(...places).chain((place) => otherTypes(place.type).map((other) => changed(example, place.at, () => other))),
            invalidInput,
          ),
          value(
            "a value out of range",
            fc.constantFrom(...places).chain((place) => outOfRange(place.type).map((other) => changed(example, place.at, () => other))),
            invalidInput,
          ),
          value(
            "a text that cannot be stored",
            fc
              .constantFrom(...places.filter((place) => place.type === "string"), places[0]!)
              .map((place) => changed(example, place.at, () => "a\u0000b")),
            invalidInput,
          ),
          bytes(
            "half a surrogate pair",
            fc
              .constantFrom(...places)
              .map((place) => Buffer.from(JSON.stringify(changed(example, place.at, () => "@@")).replace("@@", "\\ud800"))),
            invalidInput,
          ),
        ]),
    ...(required
      ? [
          bytes(
            "nothing",
            fc.constantFrom("", "  ", "\n").map((text) => Buffer.from(text)),
            invalidJson,
          ),
        ]
      : []),
    typed(
      "another content type",
      fc.constantFrom(
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "application/problem+json",
        "application/json; charset=latin1",
        "application/jsonp",
        "multipart/form-data; boundary=x",
        "json",
        "*/*",
        "application/json, text/plain",
      ),
    ),
    typed("no content type", fc.constant(undefined)),
    fc.constantFrom("gzip", "br", "deflate").map((encoding): Wrong => ({
      what: "compressed",
      ask: { ...right, headers: { ...right.headers, "content-encoding": encoding } },
      expected: unsupported,
    })),
  ];
}

type Place = { readonly at: readonly (string | number)[]; readonly type: string };

/** Where in the example a value of one type stands that the schema requires there. */
function placesOf(example: unknown, schema: unknown, at: readonly (string | number)[] = []): readonly Place[] {
  const { type, properties, items } = (schema ?? {}) as Json;
  const own: readonly Place[] = typeof type === "string" && at.length > 0 ? [{ at, type }] : [];
  if (Array.isArray(example)) return [...own, ...example.flatMap((item, index) => placesOf(item, items, [...at, index]))];
  if (typeof example === "object" && example !== null)
    return [
      ...own,
      ...Object.entries(example).flatMap(([name, member]) => placesOf(member, (properties as Json | undefined)?.[name], [...at, name])),
    ];
  return own;
}

function objectsOf(value: unknown, at: readonly (string | number)[] = []): readonly (readonly (string | number)[])[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => objectsOf(item, [...at, index]));
  if (typeof value !== "object" || value === null) return [];
  return [at, ...Object.entries(value).flatMap(([name, member]) => objectsOf(member, [...at, name]))];
}

function changed(value: unknown, at: readonly (string | number)[], change: (value: unknown) => unknown): unknown {
  const [step, ...rest] = at;
  if (step === undefined) return change(value);
  if (Array.isArray(value)) return value.map((item: unknown, index): unknown => (index === step ? changed(item, rest, change) : item));
  return { ...(value as Json), [step]: changed((value as Json)[step], rest, change) };
}

const samples: readonly (readonly [string, unknown])[] = [
  ["string", "text"],
  ["string", "1"],
  ["integer", 7],
  ["number", 1.5],
  ["boolean", true],
  ["null", null],
  ["array", []],
  ["array", [[]]],
  ["object", {}],
  ["object", { a: 1 }],
];

const otherTypes = (type: string): fc.Arbitrary<unknown> =>
  fc.constantFrom(...samples.filter(([own]) => own !== type && !(type === "number" && own === "integer")).map(([, value]) => value));

/** Of the right type, but nothing that any member of the contract takes. */
function outOfRange(type: string): fc.Arbitrary<unknown> {
  if (type === "string")
    return fc.oneof(
      fc.integer({ min: 501, max: 3_000 }).map((length) => "é".repeat(length)),
      fc.constantFrom("", " ", "\t\n"),
    );
  if (type === "integer" || type === "number") return fc.constantFrom(0, -1, 1_000_001, 1.5, 2 ** 53, -(2 ** 60), 1e300);
  if (type === "array")
    return fc.constantFrom(
      [],
      [{}],
      [null],
      Array.from({ length: 1_001 }, () => ({})),
    );
  return fc.constantFrom([], null, "");
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return text.trim() === "";
  }
}
