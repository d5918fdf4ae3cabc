/** A store accepts what it can keep, and refuses by name what needs a feature that it lacks: nobody finds out in production. */
import assert from "node:assert/strict";
import type { AnyView } from "../../core/definition.ts";
import { isTidemarkError } from "../../errors.ts";
import { searched } from "./books.ts";
import { orderSummaries, orderTotals, productStats, turns } from "./domain.ts";
import type { Feature } from "./features.ts";
import { anyRollup } from "./rollups.ts";
import { group, has } from "./suite.ts";
import type { Suite } from "./world.ts";

/** Views by all that they need. */
const needing: readonly (readonly [AnyView, readonly Feature[]])[] = [
  [orderTotals, []],
  [productStats, ["sharedKeys"]],
  [orderSummaries, ["references"]],
  [turns, ["sharedKeys", "references"]],
  [anyRollup, ["rollups"]],
  [searched, ["search"]],
];

export function acceptanceCases(suite: Suite): void {
  group(
    suite,
    "definitions",
    [],
    Object.fromEntries(
      needing.map(([view, needs]) => {
        const missing = needs.find((feature) => !has(suite, feature));
        return [
          missing === undefined ? `accepts ${view.name}` : `refuses ${view.name}, as it lacks ${missing}`,
          ({ main }) => {
            if (missing === undefined) assert.doesNotThrow(() => main.accept(view));
            else
              assert.throws(
                () => main.accept(view),
                (error) => {
                  assert.ok(isTidemarkError(error, "INVALID_DEFINITION"), String(error));
                  assert.ok(error.message.includes(view.name), error.message);
                  return true;
                },
              );
            return Promise.resolve();
          },
        ];
      }),
    ),
  );
}
