import assert from "node:assert/strict";
import { test } from "node:test";
import { counters } from "../../test/counters.ts";
import type { AnyCommand } from "../core/definition.ts";
import { isTidemarkError, type TidemarkError } from "../errors.ts";
import type { ExecuteOptions } from "./app.ts";
import { checkCommand } from "./command-job.ts";
import { decide } from "./decide.ts";

const identity = { log: "counters", logId: "0190a5b0-0000-7000-8000-000000000000", partitions: 4 };
const time = "2026-01-02T03:04:05.678Z";
const on = (command: AnyCommand, version: number, state: unknown, options: ExecuteOptions = {}, limit = 10_000) =>
  decide(checkCommand(command, "id-1", identity, options), { version, state }, time, limit);
const codeOf = (refusal: unknown): string => (refusal as TidemarkError).code;
const { Add, Burst, Break, Open, Touch } = counters.commands;

test("events carry ids, metadata and their schema's output, and are folded as decoded", () => {
  const decided = on(Add("c", { by: 2 }), 3, 5, { context: { correlationId: "corr", traceparent: "tp", actor: "ann" } });
  assert.equal(decided.kind, "events");
  assert.deepEqual(decided.after, { version: 4, state: 7 });
  assert.equal(decided.answer, '{"version":4}');
  const [event] = decided.events;
  assert.equal(event!.data, '{"by":2,"sum":7}');
  assert.match(event!.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  assert.deepEqual(JSON.parse(event!.metadata), {
    time,
    commandId: "id-1",
    correlationId: "corr",
    causationId: "id-1",
    traceparent: "tp",
    actor: "ann",
  });
});

test("rejections and commands without events leave the state", () => {
  const rejected = on(Add("c", { by: -9 }), 3, 5);
  assert.deepEqual(
    [rejected.kind, JSON.parse(rejected.answer), rejected.after],
    ["rejection", { rejection: "TooLow", data: { sum: -4 }, detail: "The sum would be -4." }, { version: 3, state: 5 }],
  );
  assert.deepEqual([on(Touch("c"), 3, 5).kind, on(Touch("c"), 3, 5).answer], ["none", '{"version":3}']);
});

test("an expected version is checked before any rejection, but an unknown stream answers itself", () => {
  for (const expectedVersion of [2, [1, 2]]) {
    const refused = on(Add("c", { by: -9 }), 3, 5, { expectedVersion });
    assert.deepEqual([refused.kind, codeOf(refused.refusal)], ["check", "VERSION_MISMATCH"]);
  }
  for (const expectedVersion of [3, [1, 3], "existing"] as const) assert.equal(on(Touch("c"), 3, 5, { expectedVersion }).kind, "none");
  assert.deepEqual(
    [on(Touch("c"), 3, 5, { expectedVersion: 3 }).ifMatch, on(Touch("c"), 3, 5, { expectedVersion: [3] }).ifMatch],
    [true, false],
  );
  for (const expectedVersion of [3, [1, 3], "existing"] as const) {
    assert.equal(on(Touch("c"), 0, null, { expectedVersion }).kind, "rejection");
    assert.equal(codeOf(on(Open("c", {}), 0, null, { expectedVersion }).refusal), "VERSION_MISMATCH");
  }
  assert.equal(on(Open("c", {}), 0, null, { expectedVersion: 0 }).kind, "events");
});

test("faults are refusals, told once append has confirmed the version", () => {
  assert.match(String(on(Break("c"), 1, 1).refusal), /decide is broken/);
  const large = on(Burst("c", { bytes: 9_500 }), 0, null);
  assert.deepEqual([large.kind, codeOf(large.refusal), large.events], ["check", "EVENT_TOO_LARGE", []]);
  assert.equal(on(Burst("c", { bytes: 8_000 }), 0, null).kind, "events");
  const fault = new Error("unknown event");
  assert.equal(decide(checkCommand(Touch("c"), "i", identity, {}), { version: 1, state: 1, fault }, time, 1).refusal, fault);
});

test("text that cannot be stored is refused wherever it stands", () => {
  const refused = (command: AnyCommand, options: ExecuteOptions = {}) =>
    assert.throws(
      () => checkCommand(command, options.commandId ?? "id", identity, options),
      (error) => isTidemarkError(error, "INVALID_INPUT"),
    );
  refused(Open("c", { label: "a\u0000b" }));
  refused(Open("c", { label: "\ud800" }));
  refused(Open("c\u0000", {}));
  refused(Open("", {}));
  refused(Open("c", {}), { commandId: "i\u0000" });
  refused({ ...Open("c", {}), data: { label: 7 } });
  const inContext = on(Open("c", {}), 0, null, { context: { actor: "\udfff" } });
  assert.equal(codeOf(inContext.refusal), "INVALID_INPUT");
  assert.equal(on(Open("c", { label: "\\u0000 is fine, 😀 too" }), 0, null).kind, "events");
});
