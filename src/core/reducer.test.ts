import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { isTidemarkError } from "../errors.ts";
import { aggregate } from "./aggregate.ts";
import type { AnyAggregate } from "./definition.ts";
import { jsonFault } from "./json-fault.ts";
import { snapshotRules } from "./reducer.ts";

const evolve = { Added: (sum: number, { data }: { data: { by: number } }) => sum + data.by };
const reducer = (version?: number, initial: unknown = 0, handlers: Readonly<Record<string, unknown>> = evolve) =>
  snapshotRules("counters", { every: 10, ...(version === undefined ? {} : { version }) }, initial, handlers).reducer;

test("a reducer is its version, its initial state and the text of its handlers, to the letter", () => {
  const first = reducer();
  assert.equal(reducer(1), first);
  assert.notEqual(reducer(2), first);
  assert.notEqual(reducer(1, 1), first);
  const joined = { Named: (_: string, { data }: { data: string[] }) => data.join(" ") };
  const glued = { Named: (_: string, { data }: { data: string[] }) => data.join("") };
  assert.notEqual(reducer(1, "", joined), reducer(1, "", glued), "a blank within a text");
  assert.notEqual(reducer(1, 0, { Added: (sum: number) => sum + 1 }), first);
  assert.notEqual(reducer(1, 0, { Renamed: evolve.Added }), first);
  assert.notEqual(reducer(1, 0, { ...evolve, Cleared: () => 0 }), first);
});

test("snapshots that cannot work are refused with the definition", () => {
  // as someone without types might write it
  const define = aggregate as unknown as (name: string, contract: object, behaviour: object) => AnyAggregate;
  const counters = (snapshots: object | undefined, contract: object = { initial: 0 }) =>
    define("counters", { id: "id", commands: {}, events: {}, snapshots, ...contract }, { decide: {}, evolve: {} });
  const refused = (text: RegExp) => (error: unknown) => isTidemarkError(error, "INVALID_DEFINITION") && text.test(error.message);
  assert.equal(counters(undefined).snapshots, undefined);
  assert.deepEqual({ ...counters({ every: 5 }).snapshots, reducer: "" }, { every: 5, version: 1, reducer: "" });
  for (const every of [0, -1, 1.5, Number.NaN, "5", undefined])
    assert.throws(() => counters({ every }), refused(/'counters': snapshots every/));
  for (const version of [0, 1.5, "2", null]) assert.throws(() => counters({ every: 5, version }), refused(/snapshots of version/));
  assert.throws(
    () => counters({ every: 5 }, { initial: { since: new Date() } }),
    refused(/states must be JSON, but 'initial' is not: \/since is a Date/),
  );
  assert.throws(() => counters({ every: 5 }, {}), refused(/it is undefined/));
  assert.deepEqual(counters(undefined, { initial: new Map() }).snapshots, undefined);
});

test("the types refuse snapshots of a state that is not JSON", () => {
  const contract = { id: "id", commands: {}, events: { Done: z.object({}) } };
  const behaviour = { decide: {}, evolve: { Done: <S>(state: S) => state } };
  const dated = { ...contract, initial: { at: new Date(0) } };
  const keeping = { snapshots: { every: 1 } } as const;
  // @ts-expect-error a Date is not JSON
  const define = () => aggregate("timers", { ...dated, ...keeping }, behaviour);
  assert.throws(define, (error) => isTidemarkError(error, "INVALID_DEFINITION"));
  interface Note {
    readonly text: string;
    readonly tags?: readonly string[];
  }
  const initial: Note | null = null as Note | null;
  const notes = aggregate("notes", { ...contract, initial, snapshots: { every: 1 } }, { decide: {}, evolve: { Done: (s) => s } });
  assert.equal(notes.snapshots?.every, 1);
});

test("what JSON loses is found, with its place", () => {
  const at = (value: unknown) => {
    const fault = jsonFault(value);
    // what is no fault comes back as it was
    if (fault === null) assert.deepStrictEqual(JSON.parse(JSON.stringify(value)), value);
    return fault === null ? null : `${fault.pointer} ${fault.problem}`;
  };
  for (const fine of [
    null,
    0,
    1.5,
    "",
    "\u0000\ud800",
    true,
    [],
    {},
    [[null]],
    { "a/b": { "": [] } },
    JSON.parse('{"__proto__": 1}') as unknown,
  ])
    assert.equal(at(fine), null);
  assert.equal(at(undefined), " is undefined");
  assert.equal(at({ a: undefined }), "/a is undefined");
  assert.equal(at({ "a/b": [1, Number.NaN] }), "/a~1b/1 is NaN");
  assert.equal(at([-0]), "/0 is -0");
  assert.equal(at({ f: () => 1 }), "/f is a function");
  assert.equal(at(1n), " is a bigint");
  assert.equal(at({ m: new Map() }), "/m is a Map");
  assert.equal(at({ since: new Date(0) }), "/since is a Date");
  assert.equal(at(Object.create(null)), " has no prototype");
  assert.equal(at({ [Symbol("s")]: 1 }), " has members that JSON does not see");
  assert.equal(at(Object.defineProperty({}, "hidden", { value: 1 })), " has members that JSON does not see");
  // oxlint-disable-next-line no-sparse-arrays
  assert.equal(at([1, , 3]), " is a list with holes or with members by name");
  assert.equal(at(Object.assign([1], { more: 2 })), " is a list with holes or with members by name");
  const ring: { next?: unknown } = {};
  ring.next = ring;
  assert.match(at(ring)!, /holds itself$/);
});
