/** What the types of rollups infer and refuse. Most of this file is checked by the compiler: `refused` is never called. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { orders } from "../../test/view-domain.ts";
import type { Facade } from "./facade-types.ts";
import { avg, count, countBy, day, max, min, sum } from "./rollup-measures.ts";
import { rollup } from "./rollup.ts";
import type { DocumentOf, IndexedOf, LogsOf } from "./view-types.ts";
import { view } from "./view.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <_Claim extends true>(): void => {};

const Status = z.enum(["OPEN", "PAID"]);
const measured = view(
  "measured",
  {
    document: z.object({
      status: Status,
      at: z.string().nullable(),
      amount: z.number(),
      note: z.string().optional(),
      lines: z.array(z.string()),
    }),
    from: [orders],
  },
  { create: { Created: ({ time }) => ({ status: "OPEN", at: time, amount: 1, lines: [] }) }, on: {} },
);
const document = z.object({ date: z.string(), status: Status, n: z.int() });
const by = { date: day("at"), status: "status" } as const;
const stats = rollup("stats", {
  document: document.extend({
    paid: z.string(),
    mean: z.number().nullable(),
    byStatus: z.partialRecord(Status, z.int()),
    notes: z.record(z.string(), z.int()),
    least: z.number(),
    last: z.string().nullable(),
  }),
  of: measured,
  by,
  measures: {
    n: count({ where: { status: { in: ["OPEN"] }, amount: { gt: 1 } } }),
    paid: sum("amount", { where: { status: "PAID" } }),
    mean: avg("amount", { digits: 2 }),
    byStatus: countBy("status"),
    notes: countBy("note"),
    least: min("amount"),
    last: max("at"),
  },
});

/** What is inferred. */
export async function inferred(app: Facade<{}>): Promise<void> {
  holds<Same<IndexedOf<typeof stats>, "date" | "status">>();
  holds<Same<LogsOf<typeof stats>, LogsOf<typeof measured>>>();
  holds<Same<DocumentOf<typeof stats>["paid"], string>>();
  const page = await app.read(stats).find({ where: { date: { gte: "2026-03-01" }, status: "PAID" }, order: { date: "desc" } });
  holds<Same<(typeof page.items)[number]["document"]["byStatus"], Partial<Record<"OPEN" | "PAID", number>>>>();
}

/** What is refused. */
export async function refused(app: Facade<{}>): Promise<void> {
  const of = measured;
  const n = count();
  // @ts-expect-error a dimension by no field
  rollup("r", { document, of, by: { ...by, status: "colour" }, measures: { n } });
  // @ts-expect-error a dimension by a list
  rollup("r", { document, of, by: { ...by, status: "lines" }, measures: { n } });
  // @ts-expect-error a dimension that the document's field does not take
  rollup("r", { document, of, by: { ...by, status: "amount" }, measures: { n } });
  // @ts-expect-error a day of no time
  rollup("r", { document, of, by: { ...by, date: day("amount") }, measures: { n } });
  // @ts-expect-error a day of no field
  rollup("r", { document, of, by: { ...by, date: day("when") }, measures: { n } });
  // @ts-expect-error a dimension that the document has not
  rollup("r", { document, of, by: { ...by, month: "at" }, measures: { n } });
  // @ts-expect-error a measure that the document has not
  rollup("r", { document, of, by, measures: { n, more: count() } });
  // @ts-expect-error nothing gives n
  rollup("r", { document, of, by, measures: {} });
  // @ts-expect-error a sum of texts
  rollup("r", { document, of, by, measures: { n: sum("status") } });
  // @ts-expect-error a sum of no field
  rollup("r", { document, of, by, measures: { n: sum("total") } });
  // @ts-expect-error a count that is a text
  rollup("r", { document: document.extend({ n: z.string() }), of, by, measures: { n } });
  // @ts-expect-error counts by value that are a number
  rollup("r", { document, of, by, measures: { n: countBy("status") } });
  // @ts-expect-error counts by value where some may be missing
  rollup("r", { document: document.extend({ n: z.record(Status, z.int()) }), of, by, measures: { n: countBy("status") } });
  // @ts-expect-error a smallest value that there need not be
  rollup("r", { document, of, by, measures: { n: min("amount", { where: { status: "PAID" } }) } });
  // @ts-expect-error a greatest value that may be null
  rollup("r", { document: document.extend({ n: z.string() }), of, by, measures: { n: max("at") } });
  // @ts-expect-error a condition on no field
  rollup("r", { document, of, by, measures: { n: count({ where: { colour: "red" } }) } });
  // @ts-expect-error a value that the field never has
  rollup("r", { document, of, by, measures: { n: count({ where: { status: { not: "LOST" } } }) } });
  // @ts-expect-error a Date in a document
  rollup("r", { document: z.object({ date: z.date(), n: z.int() }), of, by: { date: day("at") }, measures: { n } });
  // @ts-expect-error a measure is not indexed
  await app.read(stats).find({ where: { n: 1 } });
}

test("the definition that the types accept is accepted at run time", () => {
  assert.deepEqual([stats.kind, stats.indexes], ["rollup", [["date"], ["status"], ["date", "status"]]]);
});
