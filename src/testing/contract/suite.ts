/** How groups of cases are registered: each has a world of its own. */
import assert from "node:assert/strict";
import { after, before, describe, test, type TestContext } from "node:test";
import type { AnyView } from "../../core/definition.ts";
import type { ViewStore } from "../../runtime/ports.ts";
import { allViews } from "./domain.ts";
import { type Feature, features, type Lacking } from "./features.ts";
import { assertFold } from "./feed.ts";
import type { Steps } from "./steps.ts";
import type { ContractWorld, Suite } from "./world.ts";

/** The open world of a group. */
export interface Group {
  readonly suite: Suite;
  readonly world: ContractWorld;
  /** A process that lives as long as the group. */
  readonly main: ViewStore;
  /** A further one, closed at the end of the group. */
  process(steps?: Steps): Promise<ViewStore>;
  /** As `assertFold`, without what this store lacks. */
  readonly assertFold: (view: AnyView, generation: number, events: Parameters<typeof assertFold>[3]) => Promise<void>;
}

export type Case = (group: Group, t: TestContext) => Promise<void>;

export const has = ({ features: given }: Suite, feature: Feature): boolean => given[feature] === true;

/** Of the orders: those that this store can keep. */
export const viewsOf = (suite: Suite): readonly AnyView[] =>
  allViews.filter(
    (view) =>
      (view.keyed === "stream" || has(suite, "sharedKeys")) && (Object.keys(view.references).length === 0 || has(suite, "references")),
  );

/** `needs`: without one of these features the group is named with the reason why it is not run. */
export function group(suite: Suite, title: string, needs: readonly Feature[], cases: Readonly<Record<string, Case>>): void {
  const missing = needs.find((feature) => !has(suite, feature));
  if (missing !== undefined) return notRun(suite, title, missing);
  describe(`${suite.name}: ${title}`, () => {
    let opened: Group | undefined;
    const stores = new Set<ViewStore>();
    before(async () => {
      const world = await suite.open();
      const process = async (steps?: Steps): Promise<ViewStore> => {
        const store = await world.store(steps);
        stores.add(store);
        return store;
      };
      const main = await process();
      const find = has(suite, "find");
      opened = {
        suite,
        world,
        main,
        process,
        assertFold: (view, generation, events) => assertFold(main, view, generation, events, { find }),
      };
    });
    after(async () => {
      for (const store of stores) await store.close();
      await opened?.world.close();
    });
    for (const [name, run] of Object.entries(cases))
      test(name, async (t) => {
        assert.ok(opened !== undefined);
        await run(opened, t);
      });
  });
}

/** A test of its own, so that what is not tested stands in every report. */
function notRun(suite: Suite, title: string, feature: Feature): void {
  const { lacks } = suite.features[feature] as Lacking;
  test(`${suite.name}: ${title}: not run, it lacks ${feature}`, (t) => {
    assert.ok(lacks.length > 0, `a reason why it lacks ${features[feature]}`);
    t.diagnostic(`${suite.name} lacks ${features[feature]}: ${lacks}`);
  });
}
