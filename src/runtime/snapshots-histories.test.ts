/** Whatever the history, and whenever a process forgets: with snapshots, commands come to what they come to without. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ledgers } from "../../test/ledgers.ts";
import { recordingLogger } from "../../test/memory-world.ts";
import { faults, memoryEventStore, writeDatabase } from "../memory/index.ts";
import type { Outcome } from "./app.ts";
import { commandHandler } from "./command-handler.ts";

type Step =
  | { readonly do: "put"; readonly process: number; readonly stream: string; readonly amounts: readonly number[] }
  | { readonly do: "clear"; readonly process: number; readonly stream: string }
  /** Every process but this one is gone; the next command finds new ones. */
  | { readonly do: "restart" }
  | { readonly do: "lose save" };

const streams = ["a", "b", "c"];
const at = { process: fc.nat({ max: 1 }), stream: fc.constantFrom(...streams) };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("put" as const), ...at, amounts: fc.array(fc.nat({ max: 99 }), { maxLength: 6 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("clear" as const), ...at }) },
  { weight: 1, arbitrary: fc.constant({ do: "restart" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "lose save" as const }) },
);

type Ledgers = ReturnType<typeof ledgers>;

async function outcomesOf(steps: readonly Step[], definitions: readonly Ledgers[], cachedStreams: number) {
  const database = writeDatabase();
  const hooks = faults();
  const logger = recordingLogger();
  let folded = 0;
  const open = () =>
    Promise.all(
      definitions.map(async (aggregate) => {
        const store = memoryEventStore(database, { faults: hooks });
        const identities = new Map((await store.openLogs(["ledgers"], 2)).map((one) => [one.log, one]));
        const load: typeof store.load = async (wanted) => {
          const answers = await store.load(wanted);
          folded += answers.reduce((sum, one) => sum + one.events.length, 0);
          return answers;
        };
        // the accessor of the epoch stays the store's
        const counted = Object.create(store, { load: { value: load } }) as typeof store;
        return { aggregate, handler: commandHandler({ store: counted, aggregates: [aggregate], identities, logger, cachedStreams }) };
      }),
    );
  const close = (all: Awaited<ReturnType<typeof open>>) => Promise.all(all.map(({ handler }) => handler.close()));
  let processes = await open();
  const outcomes: unknown[] = [];
  for (const [i, one] of steps.entries()) {
    if (one.do === "restart") {
      await close(processes);
      processes = await open();
    } else if (one.do === "lose save") hooks.fail("saveSnapshots");
    else {
      const { aggregate, handler } = processes[one.process]!;
      const { Put, Clear } = aggregate.commands;
      const command = one.do === "put" ? Put(one.stream, { amounts: [...one.amounts] }) : Clear(one.stream, {});
      const outcome: Outcome = await handler.execute(command, { commandId: `c-${i}` });
      outcomes.push(outcome.accepted ? outcome.version : [outcome.rejection, outcome.data]);
    }
  }
  await close(processes);
  const events = streams.map((stream) =>
    (database.log("ledgers").streams.get(stream) ?? []).map(({ version, type, data }) => [version, type, data]),
  );
  return { outcomes, events, folded, saved: database.log("ledgers").snapshots.size };
}

test("the same outcomes and the same events, with snapshots and hardly a state in memory, as without", async () => {
  const plain = ledgers(undefined);
  let saved = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 60 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom("one reducer", "two versions", "two ways to count"),
      async (steps, every, other, kind) => {
        const first = ledgers({ every });
        const second =
          kind === "one reducer" ? first : kind === "two versions" ? ledgers({ every: other, version: 2 }) : ledgers({ every: other });
        const without = await outcomesOf(steps, [plain, plain], 1_000);
        const withSnapshots = await outcomesOf(steps, [first, second], 1);
        assert.deepEqual(withSnapshots.outcomes, without.outcomes);
        assert.deepEqual(withSnapshots.events, without.events);
        assert.equal(without.saved, 0);
        saved += withSnapshots.saved;
      },
    ),
    { numRuns: 100 },
  );
  assert.ok(saved > 100, `only ${saved} snapshots were met`);
});

test("a changed reducer never goes on from the old one's state", async () => {
  const [old, changed] = [ledgers({ every: 2, version: 1 }), ledgers({ every: 2, version: 2 }, (before, amount) => before + amount)];
  const database = writeDatabase();
  const seen = async (aggregate: Ledgers) => {
    const store = memoryEventStore(database);
    const identities = new Map((await store.openLogs(["ledgers"], 1)).map((one) => [one.log, one]));
    const handler = commandHandler({ store, aggregates: [aggregate], identities, logger: recordingLogger() });
    await handler.execute(aggregate.commands.Put("a", { amounts: [1, 1] }));
    await handler.close();
    return (JSON.parse(database.log("ledgers").streams.get("a")!.at(-1)!.data) as { seen: number }).seen;
  };
  await seen(old);
  await seen(old);
  // 7, and one for each amount of the commands before
  assert.equal(await seen(changed), 11);
  assert.equal(database.log("ledgers").snapshots.get("a")!.reducer, changed.snapshots!.reducer);
});

test("a history that was put back is not folded from its snapshots", async () => {
  const definition = ledgers({ every: 2 });
  const database = writeDatabase();
  const run = async (...amounts: readonly number[]) => {
    const store = memoryEventStore(database);
    const identities = new Map((await store.openLogs(["ledgers"], 1)).map((one) => [one.log, one]));
    const handler = commandHandler({ store, aggregates: [definition], identities, logger: recordingLogger() });
    for (const amount of amounts) await handler.execute(definition.commands.Put("a", { amounts: [amount] }));
    await handler.close();
    return database
      .log("ledgers")
      .streams.get("a")!
      .map((event) => (JSON.parse(event.data) as { seen: number }).seen);
  };
  await run(1, 2, 3, 4);
  const kept = database.log("ledgers").snapshots.get("a")!;
  assert.equal(kept.version, 4);
  database.putBack("ledgers", 0, 1);
  assert.deepEqual((await run(5)).length, 2);
  database.putBack("ledgers", 0, 1);
  database.log("ledgers").snapshots.set("a", kept);
  const seen = await run(6, 7, 8, 9);
  const expected = [1, 6, 7, 8].reduce((all, amount) => [...all, (all.at(-1)! * 31 + amount) % 1_000_003], [7]);
  assert.deepEqual(seen, expected);
});
