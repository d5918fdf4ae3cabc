import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { orders } from "../../test/view-domain.ts";
import { view } from "../core/view.ts";
import { shapeOf } from "./view-shape.ts";
import { createGeneration } from "./view-tables.ts";

test("indexes whose fields join to one name have names of their own, others the plain one", () => {
  const shape = shapeOf(
    view(
      "joined",
      {
        document: z.object({ a: z.string(), b: z.string(), a_b: z.string(), c: z.string() }),
        from: [orders],
        indexes: ["a_b", ["a", "b"], "c", ["b", "a"]],
      },
      { create: { Created: () => ({ a: "", b: "", a_b: "", c: "" }) }, on: {} },
    ),
  );
  const made = [...createGeneration(shape, 3, false).matchAll(/create index if not exists "([^"]+)" on "joined_g3"\(([^)]+)\)/g)];
  assert.deepEqual(
    made.map(([, name, columns]) => [name!.replace(/_[0-9a-f]{8}$/, "_#"), columns]),
    [
      ["joined_g3_by_a_b_#", '"a_b", _key'],
      ["joined_g3_by_a_b_#", '"a", "b", _key'],
      ["joined_g3_by_c", '"c", _key'],
      ["joined_g3_by_b_a", '"b", "a", _key'],
    ],
  );
  assert.equal(new Set(made.map(([, name]) => name)).size, made.length);
});
