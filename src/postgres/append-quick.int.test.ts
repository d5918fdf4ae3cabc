/** The appends that take commands for new and undisputed answer and store what the one that looks at each by itself does (I1, I6). */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { choices } from "../../test/choices.ts";
import { engines, testSchema, write, writeStore } from "../../test/write-side.ts";
import { partitionOf } from "../core/partition.ts";
import type { AppendCommand, AppendOutcome } from "../runtime/ports.ts";
import { appendCall, appendOutcomes } from "./append-call.ts";
import type { AppendRow } from "./append-call.ts";
import { eventStore, migrateWriteStore } from "./event-store.ts";
import { migrate } from "./migrate.ts";
import { writeMigrations } from "./migrations/write/index.ts";
import type { Database } from "./sql.ts";

const logs = ["orders", "customers"];
const partitions = 3;

async function send(database: Database, commands: readonly AppendCommand[], way: "quickest" | "quick" | "careful") {
  const call = appendCall(database, commands, way);
  const { rows } = await database.query<AppendRow>(call.statement);
  return { outcomes: appendOutcomes(call, commands, rows[0]!), quick: rows[0]!.row.heads !== undefined };
}

const stored = async (database: Database) => ({
  heads: (await database.query({ text: "select * from heads order by log, partition" })).rows,
  events: (
    await database.query({
      text: `select log, partition, position, stream, version, type, schema_version, data::text, metadata::text, event_id, command_id
             from events order by log, partition, position`,
    })
  ).rows,
  commands: (
    await database.query({
      text: "select command_id, fingerprint, log, partition, stream, kind, answer::text, version, position from commands order by command_id",
    })
  ).rows,
});

test("postgres: all appends give the same answers and leave the same rows, whatever comes", async (t) => {
  const { database: one } = await engines[0]!.open(t);
  const { database: two } = await engines[0]!.open(t);
  const { database: other } = await engines[0]!.open(t);
  for (const database of [one, two, other]) await (await writeStore(t, database)).openLogs(logs, partitions);
  const pick = choices(7);
  const versions = new Map<string, number>();
  const ids: string[] = [];
  const seen = { quick: 0, careful: 0, oneQuick: 0, oneCareful: 0 };
  const statuses = new Set<AppendOutcome["status"]>();
  for (let round = 0; round < 240; round++) {
    const alone = round % 2 === 0;
    const messy = pick(alone ? 2 : 3) === 0;
    const commands: AppendCommand[] = [];
    for (let i = alone ? 1 : 1 + pick(12); i > 0; i--) {
      const log = logs[pick(2)]!;
      const stream = `s-${pick(messy ? 8 : 40)}`;
      const known = versions.get(`${log}/${stream}`) ?? 0;
      const before = commands.filter((c) => c.log === log && c.stream === stream);
      const baseVersion = before[0]?.baseVersion ?? (messy && pick(6) === 0 ? Math.max(0, known + pick(3) - 1) : known);
      const expectedVersion = before.reduce((sum, c) => sum + c.events.length, baseVersion);
      const kind = (["events", "events", "events", "rejection", "none", "check"] as const)[pick(messy ? 6 : 5)]!;
      const used = messy && pick(alone ? 3 : 8) === 0 ? ids[pick(ids.length + 1)] : undefined;
      const id = used === undefined || commands.some((c) => c.id === used) ? `${pick(1_000)}-${randomUUID()}` : used;
      ids.push(id);
      const command = write(stream, kind === "events" ? (pick(12) === 0 ? 10 : 1 + pick(3)) : 0, {
        id,
        log,
        partition: partitionOf(stream, partitions),
        baseVersion,
        expectedVersion,
        kind,
        ifMatch: pick(5) === 0,
      });
      commands.push({ ...command, fingerprint: `${round}-${i}` });
    }
    const quick = await send(one, commands, "quick");
    const quickest = await send(two, commands, "quickest");
    assert.deepEqual(quickest, quick);
    const careful = await send(other, commands, "careful");
    assert.deepEqual(quick.outcomes, careful.outcomes);
    assert.equal(careful.quick, false);
    const plain = quick.outcomes.every(({ status }) => status === "appended" || status === "checked");
    assert.equal(quick.quick, plain, "the quick way is taken exactly where nothing is in the way");
    seen[commands.length === 1 ? (plain ? "oneQuick" : "oneCareful") : plain ? "quick" : "careful"] += 1;
    for (const [i, outcome] of quick.outcomes.entries()) {
      statuses.add(outcome.status);
      if (outcome.status !== "duplicate") versions.set(`${commands[i]!.log}/${commands[i]!.stream}`, outcome.version);
    }
  }
  const rows = await stored(other);
  assert.deepEqual(await stored(one), rows);
  assert.deepEqual(await stored(two), rows);
  assert.ok(
    Object.values(seen).every((n) => n > 10),
    JSON.stringify(seen),
  );
  assert.deepEqual([...statuses].toSorted(), ["appended", "checked", "conflict", "duplicate", "mismatch"]);
});

for (const engine of engines) {
  test(`${engine.name}: what the quick way has written before it finds a known id is taken back`, async (t) => {
    const { database } = await engine.open(t);
    const store = await writeStore(t, database);
    await store.openLogs(["orders"], 1);
    const known = write("a", 1, { id: "known" });
    assert.equal((await send(database, [known], "quick")).quick, true);
    const { outcomes, quick } = await send(
      database,
      [write("b", 2, { id: "before" }), write("c", 1, { id: "known" }), write("d", 1, { id: "zlast" })],
      "quick",
    );
    assert.equal(quick, false);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["appended", "duplicate", "appended"],
    );
    assert.deepEqual(
      (await store.read("orders", [{ partition: 0, position: 1 }], 10)).map((e) => [e.position, e.stream, e.version]),
      [
        [1, "a", 1],
        [2, "b", 1],
        [3, "b", 2],
        [4, "d", 1],
      ],
    );
    assert.deepEqual(await store.heads("orders"), [4]);
  });

  test(`${engine.name}: a database of the first two migrations moves up with its data, and the append that it has goes on working`, async (t) => {
    const { database } = await engine.open(t);
    await migrate(database, { schema: testSchema, ddl: true, kind: "write", migrations: writeMigrations.slice(0, 2) });
    const store = eventStore(database, { lanes: 1 });
    t.after(() => store.close());
    await store.openLogs(["orders"], 1);
    const first = write("a", 2, { id: "first" });
    assert.deepEqual((await send(database, [first, write("b", 1)], "careful")).outcomes[0], {
      status: "appended",
      version: 2,
      position: 2,
    });
    assert.equal(await migrateWriteStore(database, { schema: testSchema, ddl: true }), writeMigrations.length - 2);
    const again = await store.append(0, [first]);
    assert.ok(again[0]!.status === "duplicate" && again[0]!.first?.position === 2);
    assert.deepEqual(
      (await store.append(0, [write("a", 1)])).map((o) => [o.status, o.status === "conflict" && o.version]),
      [["conflict", 2]],
    );
    const next = await send(database, [write("a", 1, { baseVersion: 2 })], "quick");
    assert.deepEqual([next.quick, next.outcomes], [true, [{ status: "appended", version: 3, position: 4 }]]);
    const old = await send(database, [write("a", 1, { baseVersion: 3 })], "careful");
    assert.deepEqual([old.quick, old.outcomes], [false, [{ status: "appended", version: 4, position: 5 }]]);
  });
}
