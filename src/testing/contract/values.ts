/** A document comes back as it was given, or its event is refused by name; nothing is kept in another form. */
import assert from "node:assert/strict";
import { aggregate } from "../../core/aggregate.ts";
import type { AnyView, Document } from "../../core/definition.ts";
import type { LogEvent } from "../../core/message.ts";
import { view } from "../../core/view.ts";
import { isTidemarkError } from "../../errors.ts";
import { applyNext, feedNew } from "./feed.ts";
import { logWriter } from "./logs.ts";
import { anything, fields, flag, orNull, real, schemaOf, text, whole } from "./schemas.ts";
import { type Group, group } from "./suite.ts";
import type { Suite } from "./world.ts";

const things = aggregate(
  "things",
  {
    id: "id",
    commands: {},
    events: { Put: schemaOf<Record<string, never>>(anything), Gone: fields<Record<never, never>>({}) },
    initial: 0,
  },
  { decide: {}, evolve: { Put: () => 0, Gone: () => 0 } },
);

interface Thing {
  readonly label: string | null;
  readonly size?: number | null | undefined;
  readonly real?: number | undefined;
  readonly flag?: boolean | undefined;
  readonly more?: never;
}

const kept = view(
  "kept_things",
  {
    document: fields<Thing>({ label: orNull(text), size: orNull(whole), real, flag, more: anything }, ["size", "real", "flag", "more"]),
    from: [things],
    indexes: ["label", "size"],
  },
  { create: { Put: ({ data }) => data as unknown as Thing }, on: { Put: (_, { data }) => data as unknown as Thing, Gone: () => null } },
);

const texts = [
  "",
  " ",
  "plain",
  "null",
  "a'b\"c\\d`e",
  "$set",
  "a.b.c",
  "${x} %s {{y}} <b>&amp;",
  "tab\tnew\nline\r\u0001\u001f\u007f",
  "\u2028\u2029\u00a0\ufeff",
  "e\u0301 is not é",
  "Ångström ǅ ﬁ ß İ",
  "שלום \u202eمرحبا\u202c",
  "👩‍👩‍👧‍👦 🇪🇺 \u{10ffff}",
  "汉字仮名",
];

const numbers = [0, 1, -1, 2 ** 31, -(2 ** 31) - 1, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
const reals = [0, 0.1, -0.3, 1e21, 1e-7, 1.7976931348623157e308, 5e-324, 2 ** 53 + 2, 12345678901234567000, -1e300, 3.0];

const dates = ["2026-03-01T10:00:00Z", "2026-03-01T10:00:00.123456+05:30", "2026-02-30", "0000-01-01", "10:00", "1e5", "-0", "true"];

/** As a handler makes them: also what is no JSON yet. */
const documents: readonly Document[] = [
  { label: null },
  { label: null, size: null },
  { label: "x", size: undefined, real: undefined },
  { label: "x", flag: true },
  { label: "x", flag: false, size: 0, real: 0 },
  ...texts.map((label) => ({ label, more: { [`k ${label}`]: label, list: [label, null, [label]] } })),
  ...numbers.map((size) => ({ label: "n", size, more: [size, { size }] })),
  ...reals.map((one) => ({ label: "r", real: one, more: [one, { one }] })),
  // JSON has no -0
  { label: "r", real: -0, more: [-0] },
  // JSON text beyond 2^53 is what JSON.parse makes of it
  { label: "r", more: JSON.parse("[9007199254740993, 123456789012345678901234567890, 0.1000000000000000055511151231257827]") as unknown },
  ...dates.map((label) => ({ label, more: { at: label, [label]: label } })),
  { label: "empty", more: {} },
  { label: "empty", more: [] },
  { label: "empty", more: [[], {}, [[]], null, ""] },
  { label: "order", more: { "z": 1, "a": 2, 10: 3, 9: 4, "": 5 } },
  { label: "deep", more: Array.from({ length: 40 }).reduce<unknown>((inner, _, i) => (i % 2 === 0 ? [inner] : { inner }), "end") },
  { label: "long list", more: Array.from({ length: 3_000 }, (_, i) => i) },
];

/** Kept as given, or refused: some store has a meaning of its own for each. */
const odd: readonly Document[] = [
  { label: "u0000\0" },
  { label: "x", more: { "u0000\0": 1, "text": "\0" } },
  { label: "half \ud83d of a pair" },
  { label: "x", more: ["\udc00", { "\ud800": 1 }] },
  { label: "x", more: { "$set": { a: 1 }, "a.b": 1, ".": 2, "..": 3, "$": 4 } },
  { label: "x", more: { $oid: "507f1f77bcf86cd799439011" } },
  { label: "x", more: { $date: "2026-01-01T00:00:00Z", $numberLong: "1" } },
  { label: "x", more: { $ref: "things", $id: "1" } },
  { label: "x", more: { _bsontype: "ObjectId", id: "1" } },
  { label: "x", more: { toJSON: 1, toBSON: 2, length: 3, constructor: 4, hasOwnProperty: 5 } },
  { label: "x", more: JSON.parse('{ "__proto__": { "a": 1 } }') as unknown },
  { label: "x", more: { type: "nested", properties: {}, _source: 1, _type: 2, _index: 3 } },
  { label: "x", extra: 1 },
  { "label": "x", "a.b": 1 },
  { label: "x", $inc: { size: 1 } },
  { label: "x", _id: "other", _key: "other", _version: 7 },
  { label: "x", more: Array.from({ length: 150 }).reduce<unknown>((inner) => [inner], "end") },
];

const keys = [
  ...texts.filter((one) => one !== ""),
  "k".repeat(512),
  "é".repeat(256),
  "_id",
  "_tidemark",
  "__proto__",
  "constructor",
  "0",
  "null",
  "-1",
  "a/b?c=d#e%2F",
  "..",
  "*",
  ",",
];
const noKeys = ["\0", "a\0b", "\ud800", "x\udc00y"];

export function valueCases(suite: Suite): void {
  group(suite, "values", [], {
    "documents come back as they were given": roundTrips,
    "odd values come back as they were given, or their event is refused by name": oddities,
    "keys of every kind": everyKey,
    "a key that no store keeps is the event's fault; what never was is not found": badKeys,
    "a document of a megabyte": large,
  });
}

const asJson = (document: Document): unknown => JSON.parse(JSON.stringify(document));

/** Puts each document under a key of its own, `fold` giving it as it is: an event's data is JSON, what a handler makes may be more. */
const giving = (documentOf: (event: LogEvent) => Document): AnyView => ({ ...kept, fold: (_, event) => documentOf(event) });

async function roundTrips({ main, suite: { name } }: Group): Promise<void> {
  const log = logWriter("things", 1);
  for (const [i] of documents.entries()) log.add(`d${i}`, "Put", {});
  for (const [i] of documents.entries()) log.add(`d${i}`, "Put", {});
  const events = log.byPartition.flat();
  // the second time in the opposite order: every document is folded over another
  const given = (position: number): Document =>
    position <= documents.length ? documents[position - 1]! : documents[2 * documents.length - position]!;
  const { generation } = await feedNew(main, kept, 1);
  const projection = main.projection(
    giving(({ position }) => given(position)),
    generation,
  );
  for (const [from, to] of [
    [0, documents.length],
    [documents.length, 2 * documents.length],
  ] as const) {
    assert.equal(await applyNext(projection, await projection.checkpoint("things", 0), events, to - from), "applied");
    const found = await main.get(
      kept,
      generation,
      events.slice(from, to).map(({ stream }) => stream),
    );
    for (const [i, one] of found.entries()) {
      const expected = asJson(given(from + i + 1));
      assert.deepEqual(one?.document, expected, `${name}: ${JSON.stringify(expected).slice(0, 200)}`);
      assert.equal(one.version, from === 0 ? 1 : 2);
    }
  }
}

async function oddities({ main }: Group, t: { diagnostic(message: string): void }): Promise<void> {
  const refused: string[] = [];
  for (const document of odd) {
    const { generation } = await feedNew(main, kept, 1);
    const log = logWriter("things", 1);
    const events = [log.add("before", "Put", {}), log.add("odd", "Put", {}), log.add("after", "Put", {})];
    const projection = main.projection(
      giving(({ stream }) => (stream === "odd" ? document : { label: stream })),
      generation,
    );
    const shown = JSON.stringify(document).slice(0, 100);
    try {
      assert.equal(await applyNext(projection, await projection.checkpoint("things", 0), events, 3), "applied");
      const found = await main.get(kept, generation, ["odd"]);
      // as text: also the order of members, and members called __proto__
      assert.equal(sorted(found[0]?.document), sorted(asJson(document)), shown);
    } catch (error) {
      if (!isTidemarkError(error, "HANDLER_FAILED")) throw error;
      assert.deepEqual([error.details.view, error.details.position, error.details.log], [kept.name, 2, "things"], shown);
      assert.equal((await projection.checkpoint("things", 0)).position, 0);
      refused.push(shown);
    }
    await main.retire(kept, generation);
  }
  t.diagnostic(`refused: ${refused.join(" ") || "nothing"}`);
}

/** JSON text with the members of objects in one order. */
const sorted = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) =>
    typeof one === "object" && one !== null && !Array.isArray(one)
      ? { members: Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1)) }
      : one,
  );

async function everyKey({ main }: Group): Promise<void> {
  const { generation } = await feedNew(main, kept, 1);
  const projection = main.projection(
    giving(({ stream, version }) => ({ label: stream, more: { version } })),
    generation,
  );
  const log = logWriter("things", 1);
  for (const key of [...keys, ...keys]) log.add(key, "Put", {});
  for (const size of [keys.length - 3, 7, 1_000]) {
    assert.equal(await applyNext(projection, await projection.checkpoint("things", 0), log.byPartition.flat(), size), "applied");
  }
  const found = await main.get(kept, generation, keys);
  for (const [i, key] of keys.entries()) assert.deepEqual(found[i]?.document, { label: key, more: { version: 2 } }, JSON.stringify(key));
  assert.deepEqual(await main.get(kept, generation, []), []);
  const twice = await main.get(kept, generation, ["0", "no such key", "0"]);
  assert.deepEqual(
    twice.map((one) => one?.document["label"]),
    ["0", undefined, "0"],
  );
}

async function badKeys({ main }: Group): Promise<void> {
  for (const key of noKeys) {
    const { generation } = await feedNew(main, kept, 1);
    const projection = main.projection(kept, generation);
    const log = logWriter("things", 1);
    const events = [log.add("good", "Put", { label: "x" }), log.add(key, "Put", { label: "x" })];
    const from = await projection.checkpoint("things", 0);
    await assert.rejects(applyNext(projection, from, events, 2), (error: unknown) => {
      assert.ok(isTidemarkError(error, "HANDLER_FAILED"), JSON.stringify(key));
      assert.equal(error.details.position, 2);
      return true;
    });
    assert.equal(await applyNext(projection, from, events, 1), "applied");
    assert.deepEqual(
      (await main.get(kept, generation, [...noKeys, "\ufffd", "good"])).map((one) => one?.document["label"]),
      [...noKeys.map(() => undefined), undefined, "x"],
    );
  }
}

async function large({ main }: Group): Promise<void> {
  const { generation } = await feedNew(main, kept, 1);
  const projection = main.projection(
    giving(({ version }) => ({ label: "large", more: Array.from({ length: 1_000 }, (_, i) => `${version} ${i} é\u2028"\\ `.repeat(70)) })),
    generation,
  );
  const log = logWriter("things", 1);
  for (const stream of ["a", "b", "a"]) log.add(stream, "Put", {});
  assert.equal(await applyNext(projection, await projection.checkpoint("things", 0), log.byPartition.flat(), 2), "applied");
  assert.equal(await applyNext(projection, await projection.checkpoint("things", 0), log.byPartition.flat(), 2), "applied");
  const [a, b] = await main.get(kept, generation, ["a", "b"]);
  assert.ok(JSON.stringify(a?.document).length > 1_000_000);
  for (const [found, version] of [
    [a, 2],
    [b, 1],
  ] as const) {
    const list = found?.document["more"] as readonly string[];
    assert.equal(list.length, 1_000);
    for (const [i, one] of list.entries()) assert.equal(one, `${version} ${i} é\u2028"\\ `.repeat(70));
  }
}
