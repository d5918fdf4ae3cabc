/** Appends that meet at each other's locks, one interleaving a test (I1, I6). */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { blockedOrDone } from "../../test/blocked.ts";
import { engines, write, writeStore } from "../../test/write-side.ts";
import type { AppendCommand, AppendOutcome, EventStore } from "../runtime/ports.ts";
import { appendCall, appendOutcomes } from "./append-call.ts";
import type { AppendRow } from "./append-call.ts";
import type { Connection } from "./sql.ts";

/** All functions: the careful one is called by itself by older releases, and by the others only with the heads locked; "quickest" is that of a single command. */
type Way = "quickest" | "quick" | "careful";

async function setUp(t: TestContext, way: Way) {
  const { database } = await engines[0]!.open(t);
  const store = await writeStore(t, database, { lanes: 4 });
  await store.openLogs(["orders"], 4);
  const send = async (connection: Connection, commands: readonly AppendCommand[]): Promise<AppendOutcome[]> => {
    const call = appendCall(database, commands, way);
    const { rows } = await connection.query<AppendRow>(call.statement);
    return appendOutcomes(call, commands, rows[0]!);
  };
  const connect = async () => {
    const connection = await database.dedicated();
    t.after(() => connection.close());
    return connection;
  };
  const append = async (...commands: AppendCommand[]) => send(await connect(), commands);
  /** A transaction of another process, which stays open. */
  const open = async (script = "begin") => {
    const connection = await connect();
    await connection.script(script);
    return connection;
  };
  /** An append of another process that has not committed yet. */
  const openAppend = async (...commands: AppendCommand[]) => {
    const connection = await open();
    const outcomes = await send(connection, commands);
    assert.ok(outcomes.every(({ status }) => status === "appended"));
    return connection;
  };
  return { database, store, append, open, openAppend };
}

const at = (partition: number, given: Partial<AppendCommand> = {}) => ({ partition, ...given });
const positions = async (store: EventStore, partition: number) =>
  (await store.read("orders", [{ partition, position: 1 }], 100)).map((event) => [event.position, event.stream, event.version]);

for (const way of ["quickest", "quick", "careful"] as const) {
  test(`${way}: an append waits at the head, so positions are dense and in the order of the commits`, async (t) => {
    const { database, store, append, openAppend } = await setUp(t, way);
    const first = await openAppend(write("a", 2, at(0)));
    const second = append(write("b", 1, at(0)));
    await blockedOrDone(database, [second]);
    assert.deepEqual(await positions(store, 0), [], "nobody sees a later position before an earlier one");
    await first.script("commit");
    assert.deepEqual(await second, [{ status: "appended", version: 1, position: 3 }]);
    assert.deepEqual(await positions(store, 0), [
      [1, "a", 1],
      [2, "a", 2],
      [3, "b", 1],
    ]);
    assert.deepEqual(await store.heads("orders"), [3, 0, 0, 0]);
  });

  test(`${way}: versions are looked at after the wait at the head`, async (t) => {
    const { database, append, openAppend } = await setUp(t, way);
    const first = await openAppend(write("a", 1, at(0)));
    const second = append(write("a", 1, at(0)));
    await blockedOrDone(database, [second]);
    await first.script("commit");
    const outcome = (await second)[0]!;
    assert.deepEqual([outcome.status, outcome.status === "conflict" ? outcome.version : null], ["conflict", 1]);
  });

  test(`${way}: ids are looked up after the wait at the head, and a duplicate beats a conflict`, async (t) => {
    const { database, append, openAppend } = await setUp(t, way);
    const command = write("a", 1, at(0));
    const first = await openAppend(command);
    const second = append(command);
    await blockedOrDone(database, [second]);
    await first.script("commit");
    const outcome = (await second)[0]!;
    assert.equal(outcome.status, "duplicate");
    assert.equal(outcome.status === "duplicate" && outcome.first?.position, 1);
  });

  test(`${way}: heads are locked in one order, whatever the order of the commands`, async (t) => {
    const { database, store, append, open } = await setUp(t, way);
    const holders = [await open(), await open()];
    for (const [partition, holder] of holders.entries())
      await holder.script(`select from heads where log = 'orders' and partition = ${partition} for update`);
    const up = append(write("a", 1, at(1)), write("b", 1, at(0)));
    await blockedOrDone(database, [up]);
    const down = append(write("c", 1, at(0)), write("d", 1, at(1)));
    await blockedOrDone(database, [up, down]);
    for (const holder of holders) {
      await holder.script("rollback");
      await blockedOrDone(database, [up, down]);
    }
    for (const outcomes of await Promise.all([up, down]))
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ["appended", "appended"],
      );
    assert.deepEqual(await store.heads("orders"), [2, 2, 0, 0]);
  });

  test(`${way}: ids are claimed in one order, whatever the order of the commands`, async (t) => {
    const { database, append, openAppend } = await setUp(t, way);
    const middle = await openAppend(write("of another", 1, at(3, { id: "m" })));
    const commands = (partition: number, ids: readonly string[]) => ids.map((id) => write(`${partition}-${id}`, 1, at(partition, { id })));
    const up = append(...commands(0, ["b", "m", "a"]));
    await blockedOrDone(database, [up]);
    const down = append(...commands(1, ["a", "m", "b"]));
    await blockedOrDone(database, [up, down]);
    await middle.script("rollback");
    const [first, second] = await Promise.all([up, down]);
    assert.deepEqual(
      first.map(({ status }) => status),
      ["appended", "appended", "appended"],
    );
    assert.deepEqual(
      second.map((outcome) => [outcome.status, outcome.status === "duplicate" && outcome.first?.stream]),
      [
        ["duplicate", "0-a"],
        ["duplicate", "0-m"],
        ["duplicate", "0-b"],
      ],
    );
  });

  test(`${way}: an id that another call claims meanwhile is a duplicate of it where that commits, and writes nothing else`, async (t) => {
    const { database, append, openAppend, store } = await setUp(t, way);
    for (const [end, status] of [
      ["commit", "duplicate"],
      ["rollback", "appended"],
    ] as const) {
      const first = await openAppend(write(`first ${end}`, 1, at(1, { id: end })));
      const second = append(write(`second ${end}`, 2, at(0, { id: end })));
      await blockedOrDone(database, [second]);
      await first.script(end);
      const outcome = (await second)[0]!;
      assert.equal(outcome.status, status);
      if (outcome.status === "duplicate") {
        assert.equal(outcome.first?.stream, "first commit");
        assert.deepEqual(await store.heads("orders"), [0, 1, 0, 0]);
      }
    }
    assert.deepEqual(await positions(store, 0), [
      [1, "second rollback", 1],
      [2, "second rollback", 2],
    ]);
    assert.deepEqual(await store.heads("orders"), [2, 1, 0, 0]);
  });

  test(`${way}: what falls with a command whose claim another call won leaves no claim behind`, async (t) => {
    const { database, append, openAppend, store } = await setUp(t, way);
    const first = await openAppend(write("elsewhere", 1, at(1, { id: "shared" })));
    const later = write("a", 1, at(0, { id: "later", baseVersion: 0, expectedVersion: 1 }));
    const call = append(write("a", 1, at(0, { id: "shared" })), later, write("b", 1, at(0)));
    await blockedOrDone(database, [call]);
    await first.script("commit");
    assert.deepEqual(
      (await call).map(({ status }) => status),
      ["duplicate", "conflict", "appended"],
    );
    assert.deepEqual(await positions(store, 0), [[1, "b", 1]]);
    assert.deepEqual(await append({ ...later, expectedVersion: 0 }), [{ status: "appended", version: 1, position: 2 }]);
  });

  test(`${way}: a rejection and a command without events are kept only at the version that they were decided on`, async (t) => {
    const { append } = await setUp(t, way);
    await append(write("a", 2, at(0)));
    for (const kind of ["rejection", "none"] as const) {
      const command = write("a", 0, at(0, { kind, expectedVersion: 1 }));
      assert.deepEqual(
        (await append(command)).map(({ status }) => status),
        ["conflict"],
      );
      assert.deepEqual(
        await append({ ...command, baseVersion: 2, expectedVersion: 2 }),
        [{ status: "appended", version: 2, position: 2 }],
        kind,
      );
      assert.deepEqual(
        (await append(command)).map(({ status }) => status),
        ["duplicate"],
      );
    }
  });

  test(`${way}: a rejection is not kept where its stream moved while it waited at the head`, async (t) => {
    const { database, append, openAppend } = await setUp(t, way);
    const first = await openAppend(write("a", 1, at(0)));
    const second = append(write("a", 0, at(0, { kind: "rejection" })));
    await blockedOrDone(database, [second]);
    await first.script("commit");
    const outcome = (await second)[0]!;
    assert.deepEqual([outcome.status, outcome.status === "conflict" && outcome.events?.length], ["conflict", 1]);
  });
}
