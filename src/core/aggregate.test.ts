import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { isTidemarkError } from "../errors.ts";
import { aggregate } from "./aggregate.ts";
import type { AnyAggregate } from "./definition.ts";

const counters = aggregate(
  "counters",
  {
    id: "counterId",
    stream: z.string().max(5),
    commands: { Add: z.object({ by: z.codec(z.string(), z.int(), { decode: Number, encode: String }) }), Reset: z.object({}) },
    events: { Added: z.object({ by: z.int().max(10), note: z.string().optional() }), Cleared: z.object({}) },
    rejections: { Empty: "There is nothing to reset.", TooMuch: (data: { most: number }) => `At most ${data.most}.` },
    initial: 0,
  },
  {
    decide: {
      Add: (sum, { data, stream }, { Added, TooMuch }) =>
        sum + data.by > 100 ? TooMuch({ most: 100 - sum }) : [Added({ by: data.by, note: stream }), Added({ by: 0 })],
      Reset: (sum, _, { Cleared, Empty }) => (sum === 0 ? Empty() : Cleared()),
    },
    evolve: { Added: (sum, { data }) => sum + data.by, Cleared: () => 0 },
  },
);
const erased: AnyAggregate = counters;
const decide = (state: number, type: string, data: unknown) => erased.decide(state, { type, stream: "c-1", data });
const invalidDefinition = (text: RegExp) => (error: unknown) => isTidemarkError(error, "INVALID_DEFINITION") && text.test(error.message);

test("a command maker gives the command as it was asked for", () => {
  const command = counters.commands.Add("c-1", { by: "5" });
  assert.deepEqual({ type: command.type, stream: command.stream, data: command.data }, { type: "Add", stream: "c-1", data: { by: "5" } });
  assert.equal(command.aggregate, counters);
  assert.deepEqual(counters.commands.Reset("c-1").data, {});
  assert.equal(counters.commands.Add.type, "Add");
  assert.equal(counters.commands.Add.aggregate, counters);
  assert.equal(counters.commands.Add.schema, counters.commandSchemas.Add);
  assert.equal(counters.streamSchema === undefined, false);
});

test("an event maker gives the schema's output and refuses what the schema refuses", () => {
  assert.deepEqual(counters.events.Added({ by: 3, ...{ surplus: true } }), { type: "Added", data: { by: 3 } });
  assert.deepEqual(counters.events.Cleared(), { type: "Cleared", data: {} });
  assert.throws(
    () => counters.events.Added({ by: 11 }),
    (error) => {
      assert.ok(isTidemarkError(error, "INVALID_EVENT"));
      assert.equal(error.details.type, "Added");
      assert.deepEqual(
        error.details.issues.map((issue) => issue.pointer),
        ["/by"],
      );
      return true;
    },
  );
});

test("a rejection carries its name, its data and one sentence", () => {
  assert.deepEqual(counters.rejections.Empty(), { rejection: "Empty", data: null, detail: "There is nothing to reset." });
  assert.deepEqual(counters.rejections.TooMuch({ most: 2 }), { rejection: "TooMuch", data: { most: 2 }, detail: "At most 2." });
});

test("decide comes to events or to a rejection", () => {
  assert.deepEqual(decide(1, "Add", { by: 2 }), {
    events: [
      { type: "Added", data: { by: 2, note: "c-1" } },
      { type: "Added", data: { by: 0 } },
    ],
  });
  assert.deepEqual(decide(1, "Reset", {}), { events: [{ type: "Cleared", data: {} }] });
  assert.deepEqual(decide(0, "Reset", {}), { rejected: counters.rejections.Empty() });
  assert.deepEqual(decide(99, "Add", { by: 2 }), { rejected: counters.rejections.TooMuch({ most: 1 }) });
  assert.throws(
    () => decide(0, "Add", { by: 11 }),
    (error) => isTidemarkError(error, "INVALID_EVENT"),
  );
});

test("evolve folds, and knows what it knows", () => {
  assert.equal(erased.evolve(1, { type: "Added", data: { by: 2 } }), 3);
  assert.equal(erased.evolve(1, { type: "Cleared", data: {} }), 0);
  assert.equal(erased.knows("Added", 1), true);
  assert.equal(erased.knows("Added", 2), false);
  for (const type of ["Other", "constructor", "toString", "__proto__"]) {
    assert.equal(erased.knows(type, 1), false);
    assert.throws(() => erased.evolve(0, { type, data: {} }), invalidDefinition(/has no event/));
    assert.throws(() => decide(0, type, {}), invalidDefinition(/has no command/));
  }
});

/** Definitions as someone without types might write them. */
const loose = aggregate as unknown as (name: unknown, contract: object, behaviour: object) => AnyAggregate;
const contract = { id: "id", commands: { Do: z.object({}) }, events: { Done: z.object({}) }, rejections: {}, initial: null };
const behaviour = { decide: { Do: (): unknown => [] }, evolve: { Done: () => null } };
const deciding = (result: unknown) =>
  loose("a", contract, { ...behaviour, decide: { Do: () => result } }).decide(null, { type: "Do", stream: "s", data: {} });

test("a decision that is none is a fault", () => {
  assert.deepEqual(deciding([]), { events: [] });
  assert.throws(() => deciding(Promise.resolve([])), invalidDefinition(/promise/));
  assert.throws(() => deciding(undefined), invalidDefinition(/undefined/));
  assert.throws(() => deciding({ type: "Undone", data: {} }), invalidDefinition(/Undone, which is no event/));
});

test("definitions that cannot work are refused with the way out", () => {
  for (const name of ["", "Orders", "1a", "a-b", "a".repeat(41)])
    assert.throws(() => loose(name, contract, behaviour), invalidDefinition(/no name for a log/));
  assert.equal(loose("a".repeat(40), contract, behaviour).name.length, 40);
  assert.throws(() => loose("a", { ...contract, id: "" }, behaviour), invalidDefinition(/'id' must name/));
  assert.throws(() => loose("a", contract, { ...behaviour, decide: {} }), invalidDefinition(/no function for the command Do/));
  assert.throws(() => loose("a", contract, { ...behaviour, evolve: {} }), invalidDefinition(/no function for the event Done/));
  assert.throws(
    () => loose("a", contract, { ...behaviour, evolve: { ...behaviour.evolve, Undone: () => null } }),
    invalidDefinition(/Undone, which is no event/),
  );
  assert.throws(() => loose("a", { ...contract, rejections: { Done: "x" } }, behaviour), invalidDefinition(/an event and a rejection/));
  assert.throws(
    () => loose("a", { ...contract, events: { "a.Done": z.object({}) } }, behaviour),
    invalidDefinition(/no name for an event/),
  );
  const later = z.object({}).refine(async () => true);
  const slow = loose("a", { ...contract, events: { Done: later } }, behaviour) as AnyAggregate & { events: { Done(): unknown } };
  assert.throws(() => slow.events.Done(), invalidDefinition(/asynchronously/));
});
