import assert from "node:assert/strict";
import { test } from "node:test";
import { commandWorld, form } from "../../test/command-world.ts";
import { counters } from "../../test/counters.ts";
import type { AnyCommand } from "../core/definition.ts";
import { memoryCommandLedger } from "../memory/index.ts";
import { commandAcceptance } from "./command-acceptance.ts";
import { type CommandHandover, commandHandover } from "./command-handover.ts";
import { checkCommand } from "./command-job.ts";
import type { CommandRecord, NewCommandRecord } from "./command-ports.ts";
import { toRecord } from "./command-record.ts";

const { Add, Open } = counters.commands;
const identity = { log: "counters", logId: "11111111-1111-7111-8111-111111111111", partitions: 1 };
const utf8 = (text: string) => new TextEncoder().encode(text);
const found = ({ key, value, headers }: NewCommandRecord, changed: Partial<CommandRecord> = {}): CommandRecord => ({
  partition: 0,
  offset: 0,
  key: utf8(key),
  value: utf8(value),
  headers: headers.map(([name, content]) => [name, utf8(content)] as const),
  ...changed,
});

function sent(handover: CommandHandover, id: string, command: AnyCommand) {
  const context = { actor: "änne", correlationId: "c" };
  const record = toRecord(command, { commandId: id, context, expectedVersion: [1, 2] }, "tidemark/counters", true);
  const checked = checkCommand(command, id, identity, { context, expectedVersion: [1, 2] });
  handover.keep(record, { command, checked });
  return { record, checked };
}

test("a record that is what was sent gives what was checked, once", () => {
  const handover = commandHandover();
  const { record, checked } = sent(handover, "one", Add("a", { by: 1, note: "n".repeat(100) + "ö" }));
  assert.equal(handover.take("one", found(record))?.checked, checked);
  assert.equal(handover.take("one", found(record)), undefined);
  assert.equal(handover.take("two", found(record)), undefined);
});

test("a record that differs anywhere is read as anybody's", () => {
  const handover = commandHandover();
  const { record, checked } = sent(handover, "one", Add("a", { by: 1 }));
  const { headers } = found(record);
  const without = (name: string) => headers.filter((each) => each[0] !== name);
  const others: Partial<CommandRecord>[] = [
    { key: utf8("b") },
    { key: utf8("aa") },
    { key: null },
    { value: utf8(`{"by":2}`) },
    { value: utf8(`{"by":1} `) },
    { value: null },
    { headers: without("tidemark-actor") },
    { headers: [...headers, ["tidemark-extra", utf8("1")]] },
    { headers: [...without("tidemark-expected-version"), ["tidemark-expected-version", utf8("1")]] },
    { headers: headers.map(([name, content]) => [name === "ce_type" ? "CE_TYPE" : name, content] as const) },
    { headers: headers.map(([name, content]) => [name, name === "tidemark-actor" ? utf8("anne") : content] as const) },
    { headers: headers.map(([name, content]) => [name, name === "ce_type" ? utf8("Sub") : content] as const) },
  ];
  for (const other of others) assert.equal(handover.take("one", found(record, other)), undefined);
  assert.equal(handover.take("one", found(record))?.checked, checked);
});

test("data that JSON would not give back is not handed over", () => {
  const handover = commandHandover();
  const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);
  const kept = (data: unknown): boolean => {
    const command: AnyCommand = { aggregate: counters, type: "Open", stream: "a", data };
    const record = toRecord(command, { commandId: "x" }, "tidemark/counters", false);
    const { checked } = sent(commandHandover(), "x", Open("a", {}));
    handover.keep(record, { command, checked });
    return handover.take("x", found(record)) !== undefined;
  };
  for (const same of [{}, undefined, { a: [1, "b", null, true, { c: -1.5 }] }, deep(19)]) assert.equal(kept(same), true);
  const others = [
    { a: undefined },
    { a: -0 },
    { a: Number.NaN },
    { a: new Date(0) },
    { a: Object.create({ currency: "EUR" }) as unknown },
    { a: Object.assign([], { 1: 2, length: 2 }) },
    { a: new Map() },
    { toJSON: () => 1 },
    JSON.parse(`{"__proto__":1}`),
    JSON.parse(`{"constructor":1}`),
    deep(21),
  ];
  for (const other of others) assert.equal(kept(other), false);
});

test("what is kept is bounded by number and by size: the oldest go first", () => {
  const byNumber = commandHandover({ maxCommands: 2 });
  const [a, b, c] = ["a", "b", "c"].map((id) => sent(byNumber, id, Open(id, {})).record);
  assert.equal(byNumber.take("a", found(a!)), undefined);
  assert.ok(byNumber.take("b", found(b!)));
  assert.ok(byNumber.take("c", found(c!)));
  const bySize = commandHandover({ maxText: 150 });
  const [d, e] = ["d", "e"].map((id) => sent(bySize, id, Add(id, { by: 1, note: "n".repeat(100) })).record);
  assert.equal(bySize.take("d", found(d!)), undefined);
  assert.ok(bySize.take("e", found(e!)));
  // taken, it does not count any more
  const f = sent(bySize, "f", Add("f", { by: 1, note: "n".repeat(100) })).record;
  assert.ok(bySize.take("f", found(f)));
});

test("a process that accepts and decides answers as one that only decides: strictness, authority, repeats", async () => {
  await using w = await commandWorld();
  const handover = commandHandover();
  let taken = 0;
  const counting: CommandHandover = {
    keep: (...args) => handover.keep(...args),
    take(...args) {
      const own = handover.take(...args);
      if (own !== undefined) taken += 1;
      return own;
    },
  };
  const acceptance = commandAcceptance({
    topics: new Map([["counters", async () => w.broker.topic()]]),
    identities: new Map([["counters", w.identity]]),
    ledger: memoryCommandLedger(w.database, w.tables),
    form,
    handover: counting,
  });
  const commandId = (id: string) => ({ commandId: id });
  await acceptance.accept(Open("a", {}), commandId("open"));
  await acceptance.accept(Add("a", { by: 1 }), commandId("add"));
  await acceptance.accept(Add("a", { by: 1 }), commandId("add"));
  await acceptance.accept(Add("a", { by: 1, more: 1 } as { by: number }), commandId("unknown-member"));
  await acceptance.accept(Add("a", { by: 1 }), { commandId: "not-allowed", context: { actor: "mallory" } });
  await acceptance.accept(Add("a", { by: 1 }), { commandId: "another-version", expectedVersion: 9 });
  w.processor({ handover: counting, authorize: (_, { actor }) => (actor === "mallory" ? "mallory may not add" : null) });
  await w.settled();
  assert.equal(taken, 5);
  assert.equal(w.database.log("counters").streams.get("a")?.length, 2);
  assert.deepEqual(
    w.tables.parked.map(({ commandId: id, code }) => [id, code]),
    [
      ["unknown-member", "INVALID_INPUT"],
      ["not-allowed", "FORBIDDEN"],
      ["another-version", "VERSION_MISMATCH"],
    ],
  );
});
