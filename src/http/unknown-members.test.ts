import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { inputSchema } from "./json-schema.ts";
import { unknownMembers, without } from "./unknown-members.ts";

const pointers = (schema: z.ZodType, value: unknown) => unknownMembers(inputSchema(schema))(value).map((issue) => issue.pointer);

const Tree = z.object({
  name: z.string(),
  get children(): z.ZodOptional<z.ZodArray<typeof Tree>> {
    return z.array(Tree).optional();
  },
});

describe("unknown members", () => {
  const cases: readonly {
    readonly name: string;
    readonly schema: z.ZodType;
    readonly value: unknown;
    readonly found: readonly string[];
  }[] = [
    { name: "of a plain object", schema: z.object({ a: z.int() }), value: { a: 1, b: 2 }, found: ["/b"] },
    { name: "of a strict object", schema: z.strictObject({ a: z.int() }), value: { b: 2 }, found: ["/b"] },
    {
      name: "deep, with escapes",
      schema: z.object({ l: z.array(z.object({ q: z.int() })) }),
      value: { l: [{ q: 1 }, { "q": 1, "a/b~": 2 }] },
      found: ["/l/1/a~1b~0"],
    },
    {
      name: "not of a loose object",
      schema: z.looseObject({ a: z.object({ b: z.int() }) }),
      value: { x: 1, a: { b: 1, c: 1 } },
      found: ["/a/c"],
    },
    {
      name: "not of a record, but of its values",
      schema: z.record(z.string(), z.object({ a: z.int() })),
      value: { x: { a: 1 }, y: { b: 1 } },
      found: ["/y/b"],
    },
    {
      name: "in what may be null or absent",
      schema: z.object({ a: z.object({ b: z.int() }).nullable(), c: z.object({}).optional() }),
      value: { a: { z: 1 }, c: { y: 1 } },
      found: ["/a/z", "/c/y"],
    },
    {
      name: "of the nearest of several",
      schema: z.union([z.object({ a: z.int() }), z.object({ b: z.int(), c: z.int() })]),
      value: { b: 1, c: 1, d: 1 },
      found: ["/d"],
    },
    { name: "of tuples", schema: z.tuple([z.object({ a: z.int() }), z.int()]), value: [{ z: 1 }, 2], found: ["/0/z"] },
    {
      name: "of a schema that holds itself",
      schema: Tree,
      value: { name: "a", children: [{ name: "b", children: [{ nome: "c" }] }] },
      found: ["/children/0/children/0/nome"],
    },
    { name: "not where the value is of another type", schema: z.object({ a: z.object({}) }), value: { a: [1] }, found: [] },
    {
      name: "named like what every object has",
      schema: z.object({}),
      value: JSON.parse('{"toString":1,"hasOwnProperty":2}'),
      found: ["/toString", "/hasOwnProperty"],
    },
  ];
  for (const { name, schema, value, found } of cases) test(name, () => assert.deepEqual(pointers(schema, value), found));

  test("can be taken away", () => assert.deepEqual(without({ a: 1, l: [{ "x/y": 1, "q": 2 }] }, ["/a", "/l/0/x~1y"]), { l: [{ q: 2 }] }));
});
