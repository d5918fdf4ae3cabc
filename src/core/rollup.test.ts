/** What a rollup counts, on definitions alone: against plain recomputation, and at the edges of its values. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { allRollups, byCustomer, byQuantity, measured, plainGroups } from "../../test/rollup-domain.ts";
import { eventsOf, orders, random, randomLogs } from "../../test/view-domain.ts";
import { freshFold } from "../memory/view-fold.ts";
import { averageText, decimalOf, decimalText, negated, plus, zero } from "./decimal.ts";
import type { AnyView, Document } from "./definition.ts";
import { contributionOf } from "./rollup-contribution.ts";
import { groupsOf } from "./rollup-groups.ts";
import { avg, count, countBy, day, hour, max, min, month, sum } from "./rollup-measures.ts";
import { rollup } from "./rollup.ts";
import { isDay, periodOf } from "./utc.ts";
import { view } from "./view.ts";

test("groups are those of a plain recomputation", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const events = eventsOf(randomLogs(random(seed), { partitions: 3, orders: 20, customers: 8, orderEvents: 200, customerEvents: 20 }));
    for (const each of allRollups)
      assert.deepEqual(sorted(freshFold(each, events)), sorted(plainGroups(each, events)), `${each.name}, seed ${seed}`);
  }
});

const sorted = (groups: ReadonlyMap<string, unknown>) => Object.fromEntries([...groups].toSorted(([a], [b]) => (a < b ? -1 : 1)));

test("a rollup reads the logs of its view, not those that the view copies from", () => {
  assert.deepEqual([measured.logs, byCustomer.logs, byQuantity.logs], [["orders", "customers"], ["orders"], ["orders"]]);
  assert.deepEqual([byCustomer.kind, byCustomer.keyed, byCustomer.indexes], ["rollup", "key", [["customerId"]]]);
});

describe("decimals", () => {
  test("are what JSON writes", () => {
    const written = ["0", "1", "-1", "0.1", "-12.5", "1e-7", "5e-324", "1.7976931348623157e+308", "9007199254740993", "123456789.123"];
    for (const text of written) assert.equal(Number(decimalText(decimalOf(Number(text)))), Number(text));
    assert.equal(decimalText(decimalOf(1e21)), `1${"0".repeat(21)}`);
    assert.equal(decimalText(decimalOf(-0)), "0");
    assert.throws(() => decimalOf(Number.NaN), RangeError);
  });

  test("add up exactly, in any order, and leave nothing when taken back", () => {
    const values = [0.1, 0.2, 1e-300, 2 ** 53 - 1, 2 ** 53 - 1, -0.3];
    const all = values.map(decimalOf);
    const up = all.reduce(plus, zero);
    const down = all.toReversed().reduce(plus, zero);
    assert.equal(decimalText(up), decimalText(down));
    assert.equal(decimalText(all.map(negated).reduce(plus, up)), "0");
    assert.equal(decimalText([2 ** 53 - 1, 2 ** 53 - 1].map(decimalOf).reduce(plus, zero)), "18014398509481982");
  });

  test("average with a half rounded away from zero, from the exact sum", () => {
    const average = (sum_: string, n: number, digits: number) => averageText(decimalOf(Number(sum_)), n, digits);
    assert.deepEqual(
      [average("5", 2, 0), average("-5", 2, 0), average("1", 3, 2), average("2", 3, 2), average("0.005", 1, 2), average("0.0049999", 1, 2)],
      ["3", "-3", "0.33", "0.67", "0.01", "0.00"],
    );
    assert.equal(averageText({ digits: 10n ** 40n - 1n, scale: 41 }, 1, 0), "0", "just below a tenth");
    assert.equal(averageText({ digits: 5n * 10n ** 40n - 1n, scale: 41 }, 1, 0), "0", "just below a half");
  });
});

describe("periods", () => {
  test("are in UTC", () => {
    const of = (text: string) => [periodOf("month", text), periodOf("day", text), periodOf("hour", text)];
    assert.deepEqual(of("2026-03-01T00:30:00.000Z"), ["2026-03", "2026-03-01", "2026-03-01T00"]);
    assert.deepEqual(of("2026-03-01T00:30:00+01:00"), ["2026-02", "2026-02-28", "2026-02-28T23"]);
    assert.deepEqual(of("2024-02-29T23:59:59.999999-00:30"), ["2024-03", "2024-03-01", "2024-03-01T00"]);
    for (const bad of [
      "",
      "2026-03-01",
      "2026-02-30T00:00:00Z",
      "2026-13-01T00:00:00Z",
      "2026-03-01T24:61:00Z",
      "2026-03-01T00:00:00",
      "yesterday",
    ])
      assert.throws(() => periodOf("day", bad), RangeError, bad);
    assert.throws(() => periodOf("day", "0000-01-01T00:00:00+01:00"), RangeError);
  });

  test("a day is one of the calendar", () => {
    assert.deepEqual(["2024-02-29", "2026-12-31", "2026-02-29", "2026-04-31", "2026-1-1", "2026-01-01T00:00:00Z", ""].map(isDay), [
      true,
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe("a document", () => {
  const rules = byCustomer.rollup!;
  const document = { customerId: "c-1", status: "PAID", quantity: 2, amount: 0.5, method: "card", at: "2026-01-01T00:00:00Z" };

  test("is in no group where a dimension is null or absent", () => {
    assert.equal(contributionOf(rules, { ...document, customerId: null }), null);
    const { customerId: _, ...without } = document;
    assert.equal(contributionOf(rules, without), null);
  });

  test("that cannot be measured fails by the name of the field", () => {
    const wrong: readonly (readonly [string, unknown])[] = [
      ["amount", "0.5"],
      ["amount", Number.NaN],
      ["quantity", 1.5],
      ["method", 7],
      ["method", "half a pair \ud800"],
      ["customerId", "a\0b"],
      ["customerId", new Date(0)],
      ["status", {}],
      ["at", 5],
    ];
    for (const [field, value] of wrong)
      assert.throws(
        () => contributionOf(rules, { ...document, [field]: value }),
        new RegExp(`field '${field}'`),
        `${field} ${String(value)}`,
      );
  });

  test("counts by keys that do not meet where values hold separators", () => {
    const two = rollup("two", {
      document: z.object({ a: z.string(), b: z.string(), n: z.int() }),
      of: pairs,
      by: { a: "a", b: "b" },
      measures: { n: count() },
    });
    const made = groupsOf(
      two.rollup!,
      [
        ['x","y', "z"],
        ["x", 'y","z'],
      ].map(([a, b]) => ({ document: { a, b } as Document, version: 1, lastUpdated: "" })),
    );
    assert.equal(made.size, 2);
  });
});

const pairs = view(
  "pairs",
  { document: z.object({ a: z.string(), b: z.string() }), from: [orders] },
  { create: { Noted: ({ stream }) => ({ a: stream, b: stream }) }, on: {} },
);

test("the hash tells rules apart, and views that are measured", () => {
  const of = (digits: number, version = 1, measuredView: AnyView = measured) =>
    rollup("r", {
      version,
      document: z.object({ customerId: z.string(), mean: z.string() }),
      of: measuredView as typeof measured,
      by: { customerId: "customerId" },
      measures: { mean: avg("amount", { digits }) },
    }).hash;
  assert.equal(of(2), of(2));
  const other = { ...measured, hash: "another" };
  assert.equal(new Set([of(2), of(3), of(2, 2), of(2, 1, other)]).size, 4);
});

describe("refused is", () => {
  const Doc = { customerId: z.string(), n: z.int() };
  const base = { document: z.object(Doc), of: measured, by: { customerId: "customerId" }, measures: { n: count() } };
  const loose = rollup as unknown as (name: string, contract: Record<string, unknown>) => unknown;
  const cases: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
    ["a version that is none", { version: 0 }, /version 0/],
    ["a rollup of a rollup", { of: byCustomer }, /rollup itself/],
    ["no dimension", { by: {}, document: z.object({ n: z.int() }) }, /no dimension/],
    ["a field that nothing gives", { document: z.object({ ...Doc, more: z.int() }) }, /gives 'more'/],
    ["a measure that is no field", { measures: { n: count(), more: count() } }, /'more' is no field of its document/],
    ["a dimension and a measure of one name", { measures: { n: count(), customerId: count() } }, /dimension and a measure/],
    ["a dimension of no field", { by: { customerId: "colour" } }, /'colour', which is no field of view 'measured'/],
    [
      "a dimension that is copied",
      { by: { customerId: "customerName" } },
      /'customerName', which view 'measured' copies from 'customer_cards'/,
    ],
    ["a measure of what is copied", { measures: { n: countBy("customerName") } }, /copies from/],
    ["a condition on what is copied", { measures: { n: count({ where: { customerName: "Ann" } }) } }, /copies from/],
    ["a condition by no operator", { measures: { n: count({ where: { status: { like: "P%" } } as never }) } }, /'like'/],
    ["a period of a number", { by: { customerId: day("amount") } }, /holds no text/],
    ["a dimension of another type", { by: { customerId: "amount" } }, /gives a number/],
    ["a count that is text", { document: z.object({ ...Doc, n: z.string() }) }, /'n' gives an integer/],
    ["a sum of text", { measures: { n: sum("status") } }, /no number/],
    ["a fraction as an integer", { measures: { n: sum("amount") } }, /need not be whole/],
    ["an average with digits as an integer", { measures: { n: avg("quantity", { digits: 1 }) } }, /need not be whole/],
    ["half a digit", { measures: { n: avg("quantity", { digits: 0.5 }) } }, /0\.5 digits/],
    ["a smallest one that may be missing", { measures: { n: min("quantity", { where: { status: "PAID" } }) } }, /must take null/],
    ["a smallest one of another type", { measures: { n: max("at") } }, /gives a string/],
    ["counts as a number", { measures: { n: countBy("method") } }, /object of counts/],
    ["counts of numbers", { measures: { n: countBy("amount") } }, /no text/],
    ["a name that is none", { name: "By Day" }, /no name for a rollup/],
  ];
  for (const [what, change, message] of cases) {
    test(what, () => {
      const { name = "r", ...contract } = { ...base, ...change } as { name?: string };
      assert.throws(
        () => loose(name, contract),
        (error: Error) => {
          assert.equal((error as { code?: string }).code, "INVALID_DEFINITION");
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }

  test("nothing of this", () => {
    for (const unit of [day, month, hour]) assert.equal(rollup("r", { ...base, by: { customerId: unit("at") } }).kind, "rollup");
  });
});
