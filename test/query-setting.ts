/** A query side over one view in memory, whose log, checkpoints, records and clock a test moves by hand. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { AnyView } from "../src/core/definition.ts";
import type { TokenPart } from "../src/core/token.ts";
import { isTidemarkError, type ErrorCode, type TidemarkError } from "../src/errors.ts";
import { faults, memoryViewStore, type Faults } from "../src/memory/index.ts";
import type { ViewStore } from "../src/runtime/ports.ts";
import { querySide, type QuerySide } from "../src/runtime/queries.ts";
import type { OwnEnds } from "../src/runtime/view-monitor.ts";
import { eventually, streamsOf, turns, world, type World } from "./memory-world.ts";
import { productStats as view } from "./view-domain.ts";

const [[a], [b]] = streamsOf(2) as [[string], [string]];
const counts = new Map([["orders", 2]]);

export interface Setting {
  readonly w: World;
  readonly store: ViewStore;
  readonly queries: QuerySide;
  readonly faults: Faults;
  clock: number;
  /** Appends one event to the partition; its token. */
  happen(partition: number): Promise<TokenPart>;
  /** Applies to the generation what the log holds beyond its checkpoint. */
  apply(partition: number, generation?: number): Promise<void>;
  recordEnds(): Promise<void>;
}

export async function setting(
  t: TestContext,
  options: {
    readonly ownEnds?: OwnEnds;
    readonly maxWaiting?: number;
    readonly views?: readonly AnyView[];
    readonly prepared?: boolean;
  } = {},
): Promise<Setting> {
  const clock = { now: Date.UTC(2026, 5, 1) };
  const w = await world({ now: () => clock.now });
  const hooks = faults();
  const store = memoryViewStore(w.read, { faults: hooks });
  const writer = w.views();
  if (options.prepared !== false) {
    await writer.ensure(view);
    await writer.projection(view, 1).checkpoints(counts);
  }
  const { views = [view], ...rest } = options;
  const queries = await querySide({ stores: new Map(views.map((each) => [each, store])), clock: () => clock.now, ...rest });
  t.after(() => queries.close());
  return {
    w,
    store,
    queries,
    faults: hooks,
    get clock() {
      return clock.now;
    },
    set clock(now) {
      clock.now = now;
    },
    async happen(partition) {
      await w.append(turns([partition === 0 ? a : b], 1, "Added", { productId: "p", quantity: 1 }));
      return { log: "orders", logId: w.identity.logId, partition, position: w.head(partition) };
    },
    async apply(partition, generation = 1) {
      const projection = writer.projection(view, generation);
      const from = (await projection.checkpoints(counts))[partition]!;
      const events = w.events().filter((event) => event.partition === partition && event.position > from.position);
      const last = events.at(-1);
      if (last === undefined) return;
      assert.equal(
        await projection.apply(from, { ...from, position: last.position, eventId: last.id, logId: w.identity.logId }, events),
        "applied",
      );
    },
    recordEnds: () =>
      writer.recordEnds(
        [0, 1].map((partition) => ({ log: "orders", partition, position: w.head(partition) })),
        [view],
      ),
  };
}

export const waitsIn = (s: Setting, count: number) => eventually(`${count} wait`, () => s.queries.waiting === count);
export const quantity = (s: Setting, options: Parameters<QuerySide["get"]>[2]) =>
  s.queries.get(view, "p", options).then((read) => read.value?.document["quantity"]);
export const fails =
  <C extends ErrorCode>(code: C, check: (error: TidemarkError<C>) => boolean = () => true) =>
  (error: unknown) =>
    isTidemarkError(error, code) && check(error);
