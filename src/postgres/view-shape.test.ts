import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { aggregate } from "../core/aggregate.ts";
import type { AnyView } from "../core/definition.ts";
import { reference } from "../core/reference.ts";
import { view } from "../core/view.ts";
import { columnsOf } from "./view-columns.ts";
import { documentTable, referenceTable } from "./view-names.ts";
import { shapeOf } from "./view-shape.ts";

const log = (name: string) =>
  aggregate(name, { id: "id", commands: {}, events: { Put: z.object({}) }, initial: 0 }, { decide: {}, evolve: { Put: () => 0 } });
const things = log("things");

/** Only the schema matters. */
const viewOf = (document: z.ZodType, more: Partial<AnyView> = {}): AnyView => {
  const base = view(
    "some_things",
    { document: z.object({ id: z.string() }), from: [things] },
    { create: { Put: ({ stream }) => ({ id: stream }) }, on: {} },
  );
  return { ...base, document, ...more };
};

const types = (document: z.ZodType): Record<string, string> =>
  Object.fromEntries(
    [...columnsOf(viewOf(document))].map(([field, { type, required, nullable }]) => [
      field,
      `${type}${nullable ? " null" : ""}${required ? "" : "?"}`,
    ]),
  );

test("each field of a document is the column that its schema says", () => {
  const money = z.codec(z.string(), z.int(), { decode: Number, encode: String });
  assert.deepEqual(
    types(
      z.object({
        a: z.string(),
        b: z.int().nullable(),
        c: money,
        d: z.enum(["x", "y"]).nullish(),
        e: z.number().optional(),
        f: z.array(z.string()),
        g: z.literal("q"),
        h: z.boolean(),
        i: z.union([z.string(), z.int()]),
        j: z.iso.datetime().nullable(),
        k: z.object({ l: z.int() }),
        m: z.unknown(),
        n: z.union([z.int(), z.number()]),
        o: z.null(),
        p: z.literal([1, 2]),
      }),
    ),
    {
      a: "text",
      b: "bigint null",
      c: "bigint",
      d: "text null?",
      e: "double precision?",
      f: "json",
      g: "text",
      h: "boolean",
      i: "json",
      j: "text null",
      k: "json",
      m: "json",
      n: "double precision",
      o: "json null",
      p: p(),
    },
  );
  function p(): string {
    const schema = z.toJSONSchema(z.literal([1, 2]));
    return schema.type === "integer" || schema.type === undefined ? "bigint" : "double precision";
  }
});

test("a union of objects has the fields of all, required where all require them; shared definitions are followed", () => {
  assert.deepEqual(
    types(
      z.discriminatedUnion("t", [
        z.object({ t: z.literal("a"), x: z.int() }),
        z.object({ t: z.literal("b"), x: z.int(), y: z.string() }),
        z.object({ t: z.literal("c"), x: z.string() }),
      ]),
    ),
    { t: "text", x: "json", y: "text?" },
  );
  assert.deepEqual(types(z.intersection(z.object({ a: z.string() }), z.object({ b: z.int().optional() }))), { a: "text", b: "bigint?" });
  const name = z.string().meta({ id: "Name" });
  assert.deepEqual(types(z.object({ a: name, b: name.nullable() })), { a: "text", b: "text null" });
  assert.deepEqual(types(z.record(z.string(), z.int())), {});
});

test("what the store cannot keep is refused by name", () => {
  const one = z.object({ id: z.string(), list: z.array(z.string()), n: z.int(), other: z.string().nullable() });
  const cards = view(
    "cards",
    { document: z.object({ name: z.string() }), from: [log("people")] },
    { create: { Put: () => ({ name: "" }) }, on: {} },
  );
  const to = reference(cards, () => ({ other: null }));
  const refused = (shape: AnyView, problem: RegExp) =>
    assert.throws(
      () => shapeOf(shape),
      (error: Error & { code?: string }) => error.code === "INVALID_DEFINITION" && problem.test(error.message),
    );
  refused(viewOf(one, { indexes: [["list"]] }), /'list' must be a string/);
  refused(viewOf(one, { indexes: [["nothing"]] }), /'nothing' is no field/);
  refused(viewOf(one, { references: { n: to } }), /'n' holds a key/);
  refused(viewOf(one, { references: { id: { ...to, copies: ["nothing"] } } }), /'nothing' is no field/);
  refused(viewOf(one, { references: { id: { ...to, view: { ...cards, references: { name: to } } } } }), /has references itself/);
  refused(viewOf(one, { references: { id: { ...to, view: { ...cards, logs: ["things"] } } } }), /folded from the log 'things'/);
  refused(viewOf(one, { name: "orders_g3" }), /orders_g3/);
  refused(viewOf(z.object({ _key: z.string() })), /'_key'/);
  refused(viewOf(z.object({ ["x".repeat(64)]: z.string() })), /63 bytes/);
  const good = shapeOf(viewOf(one, { indexes: [["id"], ["n", "id"]], references: { id: to } }));
  assert.deepEqual([...good.indexed], ["id", "n"]);
  assert.deepEqual(good.indexes, [["id"], ["n", "id"]]);
  assert.deepEqual(
    good.referenced.map(({ view: referenced }) => referenced.name),
    ["cards"],
  );
});

test("names of tables fit, and stay different", () => {
  const [a, b] = ["a".repeat(40), "b".repeat(40)];
  assert.equal(documentTable("orders", 3), "orders_g3");
  assert.equal(referenceTable("orders", 3, "cards"), "orders_g3__cards");
  const names = [referenceTable(a, 1, b), referenceTable(a, 11, b), referenceTable(a, 1, `${b}x`)];
  assert.equal(new Set(names).size, 3);
  for (const name of names) assert.ok(Buffer.byteLength(name) <= 63 && name.startsWith(`${a}_g1`));
});
