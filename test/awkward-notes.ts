/** Documents with every value that a format of rows may spoil. */
import { z } from "zod";
import { view } from "../src/core/view.ts";
import { orders } from "./view-domain.ts";

export const plainNote = { text: "", n: 0, x: 0, done: false };

/** A note is what the event's text says, as JSON. */
export const notes = view(
  "notes",
  {
    document: z.object({
      text: z.string().nullish(),
      n: z.int().nullish(),
      x: z.number().nullish(),
      done: z.boolean().nullish(),
      more: z.json().optional(),
      // the last cell of a row, which the client would trim at the end of a statement
      last: z.string().nullish(),
    }),
    from: [orders],
    indexes: ["text", "n", "x", "done", "last"],
  },
  { create: { Paid: ({ data }) => JSON.parse(data.method) as typeof plainNote }, on: {} },
);

export const awkward: readonly {
  readonly text?: string | null;
  readonly n?: number | null;
  readonly x?: number | null;
  readonly done?: boolean | null;
  readonly more?: unknown;
  readonly last?: string;
}[] = [
  { ...plainNote, last: "a;" },
  { ...plainNote, last: "" },
  { ...plainNote, last: " ; \u00a0" },
  { text: null, n: null, x: null, done: null },
  {},
  { text: "a\tb\nc\\d'e\"f\b\f\r", n: -1, x: 0.1, done: true },
  { text: "\\N", n: Number.MAX_SAFE_INTEGER, x: 2 ** 60, done: true },
  { text: "\u{10000}", n: Number.MIN_SAFE_INTEGER, x: 1e-7 },
  { text: "\uffee", n: 7, x: Number.MAX_VALUE },
  { text: "É ünï ☃ 😀", x: 5e-324, more: { "deep": [null, { a: "\ud800\0", b: [] }, 1.5, "2026-01-01T00:00:00Z"], "": "", "a.b": 1 } },
  { text: "x".repeat(300_000), more: "y".repeat(300_000) },
  { x: 123456789012345680000, more: [1e21, -1e-9, 2 ** 53 + 2, true, ""] },
  { x: -2.5, n: 3, done: false, more: { _key: 1, __proto: 2 } },
];
