import assert from "node:assert/strict";
import { test } from "node:test";
import { commandWorld } from "../../test/command-world.ts";
import { counters } from "../../test/counters.ts";
import { eventually } from "../../test/memory-world.ts";
import { random } from "../../test/view-domain.ts";
import { faults as makeFaults } from "../memory/index.ts";
import { placeId } from "./command-record.ts";

test("commands of a stream are decided in their order, and the position stands behind the last", async () => {
  await using w = await commandWorld(2);
  w.send("Open", "a", {});
  for (let by = 1; by <= 5; by++) w.send("Add", "a", { by }, { "tidemark-command-id": `a-${by}` });
  w.send("Open", "b", {});
  w.processor();
  await w.settled();
  const sums = (w.database.log("counters").streams.get("a") ?? []).map(({ data }) => (JSON.parse(data) as { sum?: number }).sum);
  assert.deepEqual(sums, [undefined, 1, 3, 6, 10, 15]);
  assert.equal(w.database.commands.get("a-5")?.version, 6);
  assert.equal(w.database.log("counters").streams.get("b")?.length, 1);
});

test("what is no command is answered and parked, and never holds up what comes after it", async () => {
  await using w = await commandWorld();
  const { broker } = w;
  const cases: [string, Parameters<typeof broker.produce>[1], number, string][] = [
    ["no JSON", { key: "a", value: "{", headers: { "ce_type": "Add", "tidemark-command-id": "bad-json" } }, 400, "INVALID_JSON"],
    ["unknown type", { key: "a", value: "{}", headers: { ce_type: "Explode" } }, 422, "INVALID_INPUT"],
    ["a name of every object", { key: "a", value: "{}", headers: { ce_type: "constructor" } }, 422, "INVALID_INPUT"],
    ["wrong shape", { key: "a", value: `{"by":"1"}`, headers: { ce_type: "Add" } }, 422, "INVALID_INPUT"],
    ["unknown member", { key: "a", value: `{"by":1,"extra":1}`, headers: { ce_type: "Add" } }, 422, "INVALID_INPUT"],
    ["no key", { key: null, value: `{"by":1}`, headers: { ce_type: "Add" } }, 422, "INVALID_INPUT"],
    ["no value, no type", { key: "a", value: null }, 422, "INVALID_INPUT"],
    ["plain form with another member", { key: "a", value: `{"type":"Add","data":{"by":1},"when":1}` }, 422, "INVALID_INPUT"],
    ["plain form with an id that is none", { key: "a", value: `\n {"type":"Add","data":{"by":1},"id":"a b"}` }, 422, "INVALID_INPUT"],
    ["plain form with a number for an id", { key: "a", value: `{"type":"Add","data":{"by":1},"id":17}` }, 422, "INVALID_INPUT"],
    ["not an object", { key: "a", value: "[]" }, 422, "INVALID_INPUT"],
    ["a bad id", { key: "a", value: `{"by":1}`, headers: { "ce_type": "Add", "tidemark-command-id": "a b" } }, 400, "INVALID_HEADER"],
    [
      "a bad version",
      { key: "a", value: `{"by":1}`, headers: { "ce_type": "Add", "tidemark-expected-version": "x" } },
      400,
      "INVALID_HEADER",
    ],
    [
      "another version",
      { key: "a", value: `{"by":1}`, headers: { "ce_type": "Add", "tidemark-expected-version": "7" } },
      412,
      "VERSION_MISMATCH",
    ],
    ["a fault of decide", { key: "a", value: "{}", headers: { ce_type: "Break" } }, 503, "UNAVAILABLE"],
    ["not allowed", { key: "a", value: `{"by":1}`, headers: { "ce_type": "Add", "tidemark-actor": "mallory" } }, 403, "FORBIDDEN"],
  ];
  w.send("Open", "a", {});
  for (const [, record] of cases) {
    broker.produce(0, { ...record, headers: { ...record.headers, "tidemark-reply": "true" } });
    w.send("Add", "a", { by: 1 });
  }
  w.processor({ authorize: (_, { actor }) => (actor === "mallory" ? "mallory may not add" : null) });
  await w.settled();
  assert.equal(w.database.log("counters").streams.get("a")?.length, 1 + cases.length);
  assert.deepEqual(
    w.tables.parked.map(({ offset, answer }) => [offset, answer.status, (answer.body as { code: string }).code]),
    cases.map(([, , status, code], i) => [1 + 2 * i, status, code]),
  );
  assert.equal(w.tables.parked[0]!.commandId, "bad-json");
  assert.equal(w.tables.parked[1]!.commandId, placeId(w.broker.topicId, 0, 3));
  assert.deepEqual(JSON.parse(w.tables.parked[1]!.record), {
    key: Buffer.from("a").toString("base64"),
    value: Buffer.from("{}").toString("base64"),
    headers: [
      ["ce_type", Buffer.from("Explode").toString("base64")],
      ["tidemark-reply", Buffer.from("true").toString("base64")],
    ],
  });
  await eventually("replies", () => w.broker.replies.length === cases.length);
  assert.deepEqual(
    w.broker.replies.map(({ accepted, answer }) => [accepted, answer.status]),
    cases.map(([, , status]) => [false, status]),
  );
});

test("a repeat gets the first answer; the same id with another command is refused, and the first answer stays", async () => {
  await using w = await commandWorld();
  const id = (name: string) => ({ "tidemark-command-id": name, "tidemark-reply": "true" });
  w.send("Open", "a", {}, id("open"));
  w.send("Add", "a", { by: 2 }, id("two"));
  w.send("Add", "a", { by: 2 }, id("two"));
  w.send("Add", "a", { by: 3 }, id("two"));
  w.send("Add", "a", { by: 4 }, id("four"));
  w.send("Open", "a", {}, id("again"));
  w.send("Open", "a", {}, id("again"));
  w.processor();
  await w.settled();
  w.send("Add", "a", { by: 2 }, id("two"));
  await w.settled();
  assert.equal(w.database.log("counters").streams.get("a")?.length, 3);
  assert.deepEqual(
    w.tables.parked.map(({ offset, code }) => [offset, code]),
    [[3, "IDEMPOTENCY_KEY_REUSED"]],
  );
  await eventually("replies", () => w.broker.replies.length === 8);
  assert.deepEqual(
    w.broker.replies.map(({ commandId, answer, offset }) => [offset, commandId, answer.status]),
    [
      [0, "open", 202],
      [1, "two", 202],
      [2, "two", 202],
      [3, "two", 422],
      [4, "four", 202],
      [5, "again", 409],
      [6, "again", 409],
      [7, "two", 202],
    ],
  );
  assert.deepEqual(w.broker.replies[1]!.answer, w.broker.replies[7]!.answer);
});

test("a record without an id is one command however often it is read, and two of the same content are two", async () => {
  await using w = await commandWorld();
  w.send("Open", "a", {});
  w.send("Add", "a", { by: 1 });
  w.send("Add", "a", { by: 1 });
  const first = w.processor();
  await w.settled();
  first.kill();
  // as if the position had not been stored
  const stored = w.tables.positions.get("0/counters")!;
  w.tables.positions.set("0/counters", { ...stored, next: 0, replied: 0 });
  w.processor();
  await w.settled();
  assert.equal(w.database.log("counters").streams.get("a")?.length, 3);
});

test("a zombie writes nothing: its position has been moved", async () => {
  await using w = await commandWorld();
  w.send("Open", "a", {});
  const slow = makeFaults();
  const held = slow.hold("appendCommands");
  const zombie = w.processor({ faults: slow });
  await held.reached;
  // as when the group has given the partition to another while the old owner does not hear of it
  const topic = w.broker.topic();
  w.processor({
    openTopic: async () => ({
      ...topic,
      join: async (onAssigned) => {
        onAssigned([0]);
        return { leave: async () => undefined };
      },
    }),
  });
  w.send("Add", "a", { by: 1 }, { "tidemark-command-id": "by-the-new-owner" });
  await w.settled();
  const before = w.database.log("counters").partitions[0]!.length;
  assert.equal(before, 2);
  held.release();
  await eventually("the zombie has noticed", () => w.logger.has("was moved by another"));
  assert.equal(w.database.log("counters").partitions[0]!.length, before);
  await zombie.processor.stop();
});

test("a topic that was deleted and made again is refused, and nothing of it is decided", async () => {
  await using w = await commandWorld();
  w.send("Open", "a", {});
  const first = w.processor();
  await w.settled();
  w.broker.makeAgain();
  w.send("Open", "b", {});
  await eventually("it stands still", () => first.processor.state().partitions[0]?.state === "diverged");
  const second = w.processor();
  await first.processor.stop();
  await eventually("it stands still too", () => second.processor.state().partitions[0]?.state === "diverged");
  assert.match(second.processor.state().partitions[0]!.problem ?? "", /deleted and made again/);
  assert.equal(w.database.log("counters").streams.has("b"), false);
  assert.ok(w.logger.has("stand still"));
});

test("commands that retention took away undecided are refused, not skipped", async () => {
  await using w = await commandWorld();
  w.send("Open", "a", {});
  const first = w.processor();
  await w.settled();
  await first.processor.stop();
  w.send("Open", "b", {});
  w.send("Open", "c", {});
  w.broker.trim(0, 2);
  const second = w.processor();
  await eventually("it stands still", () => second.processor.state().partitions[0]?.state === "diverged");
  assert.match(second.processor.state().partitions[0]!.problem ?? "", /deleted undecided/);
  assert.equal(w.database.log("counters").streams.has("c"), false);
});

test("a reply that was lost with its process is sent by the next", async () => {
  await using w = await commandWorld();
  w.send("Open", "a", {}, { "tidemark-command-id": "open", "tidemark-reply": "true" });
  w.send("Explode", "a", {}, { "tidemark-command-id": "explode", "tidemark-reply": "true" });
  const mute = makeFaults();
  const held = mute.hold("replyCommands");
  const first = w.processor({ faults: mute });
  await held.reached;
  await w.settled();
  assert.equal(w.broker.replies.length, 0);
  first.kill();
  held.release();
  w.processor();
  await eventually("the replies", () => w.broker.replies.length === 2);
  assert.deepEqual(
    w.broker.replies.map(({ commandId, accepted }) => [commandId, accepted]),
    [
      ["open", true],
      ["explode", false],
    ],
  );
});

test("a reply that could not be sent is sent again, also where no command comes after it", async () => {
  await using w = await commandWorld();
  w.send("Open", "a", {}, { "tidemark-command-id": "open", "tidemark-reply": "true" });
  const failing = makeFaults();
  failing.fail("replyCommands", { times: 2 });
  w.processor({ faults: failing });
  await eventually("the reply", () => w.broker.replies.length > 0);
  assert.deepEqual(
    w.broker.replies.map(({ commandId, accepted }) => [commandId, accepted]),
    [["open", true]],
  );
  assert.equal(w.database.log("counters").partitions[0]!.length, 1);
});

test("status: pending from acceptance on, then the outcome; unknown ids are unknown; a wait is woken by the outcome", async () => {
  await using w = await commandWorld(2);
  const acceptance = w.acceptance();
  const open = counters.commands.Open("a", {});
  assert.deepEqual(await acceptance.accept(open, { commandId: "open" }), { commandId: "open", status: "pending" });
  assert.deepEqual(await acceptance.status("open"), { commandId: "open", status: "pending" });
  assert.equal(await acceptance.status("unknown"), null);
  const waiting = acceptance.accept(counters.commands.Add("a", { by: 1 }), { commandId: "add", waitMs: 60_000 });
  const refused = acceptance.accept(counters.commands.Add("b", { by: 1 }), { commandId: "refused", waitMs: 60_000 });
  w.processor();
  const added = await waiting;
  assert.equal(added.status, "accepted");
  assert.deepEqual((added as { answer?: unknown }).answer, { status: 202, body: { counterId: "a", version: 2 } });
  const not = await refused;
  assert.equal(not.status === "pending" ? null : not.answer.status, 404);
  const again = await acceptance.status("open");
  assert.equal(again?.status, "accepted");
  assert.equal((await acceptance.accept(open, { commandId: "open" })).status, "accepted");
  await assert.rejects(acceptance.accept(counters.commands.Open("c", {}), { commandId: "open" }), { code: "IDEMPOTENCY_KEY_REUSED" });
  await acceptance.close();
});

/** Several processors, killed and replaced, with faults before and after everything; direct commands to the same streams meanwhile. */
async function chaos(seed: number): Promise<void> {
  const r = random(seed);
  const partitions = 1 + r.below(3);
  const w = await commandWorld(partitions);
  const start = () => {
    const faults = makeFaults();
    for (const point of ["appendCommands", "readCommands", "replyCommands", "commandPosition", "load"] as const)
      for (const when of ["before", "after"] as const)
        faults[when](point, () => {
          if (r.below(15) === 0) throw new Error(`${point} failed ${when}`);
        });
    return w.processor({ faults, maxBatch: 1 + r.below(8), most: 1 + r.below(12) });
  };
  let processors = [start(), start()];
  const streams = ["a", "b", "c", "d"];
  const sent = new Map<string, { stream: string; by: number }>();
  for (const stream of streams) w.send("Open", stream, {}, { "tidemark-command-id": `open-${stream}` });
  for (let i = 0; i < 60; i++) {
    const known = [...sent.keys()];
    if (known.length > 0 && r.below(4) === 0) {
      const id = r.pick(known);
      const { stream, by } = sent.get(id)!;
      w.send("Add", stream, { by }, { "tidemark-command-id": id, "tidemark-reply": "true" });
    } else if (r.below(6) === 0) w.send("Add", r.pick(streams), { by: "x" });
    else {
      const stream = r.pick(streams);
      sent.set(`c${i}`, { stream, by: i });
      w.send("Add", stream, { by: i }, { "tidemark-command-id": `c${i}`, "tidemark-reply": "true" });
    }
    if (r.below(8) === 0) {
      const victim = r.pick(processors);
      victim.kill();
      processors = [...processors.filter((each) => each !== victim), start()];
    }
    if (r.below(2) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await w.settled();
  const events = w.database.log("counters").partitions.flat();
  const of = new Map<string, number>();
  for (const { commandId } of events) of.set(commandId, (of.get(commandId) ?? 0) + 1);
  for (const [id, { by, stream }] of sent) {
    assert.equal(of.get(id), 1, `seed ${seed}: ${id} has one event`);
    const answer = w.database.commands.get(id)!;
    assert.equal(answer.stream, stream);
    assert.equal((JSON.parse(events.find(({ commandId }) => commandId === id)!.data) as { by: number }).by, by);
    await eventually(`the reply to ${id}`, () => w.broker.replies.some(({ commandId }) => commandId === id));
    const answers = new Set(w.broker.replies.filter(({ commandId }) => commandId === id).map((each) => JSON.stringify(each.answer)));
    assert.equal(answers.size, 1, `seed ${seed}: ${id} has one answer`);
  }
  assert.equal(events.length, sent.size + streams.length, `seed ${seed}: nothing beside`);
  await w[Symbol.asyncDispose]();
}

test(
  "whatever fails and whoever is killed, each command has exactly one outcome, the same for its repeats",
  { timeout: 120_000 },
  async () => {
    const real = globalThis.setTimeout;
    // pauses between attempts are what this test would spend its time on
    globalThis.setTimeout = Object.assign(
      (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => real(callback, Math.min(ms ?? 0, 1), ...args),
      real,
    );
    try {
      for (let seed = 1; seed <= 40; seed++) await chaos(seed);
    } finally {
      globalThis.setTimeout = real;
    }
  },
);
