/** I1 at the commit of a user's transaction, in interleavings that are made, not waited for. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type pg from "pg";
import { blockedOrDone } from "../../test/blocked.ts";
import { outboxSide, products, schema, streamsApart } from "../../test/outbox-side.ts";
import { write } from "../../test/write-side.ts";
import { isTidemarkError } from "../errors.ts";
import { outbox } from "./index.ts";

const [a, b, c] = streamsApart as [string, string, string];
const note = (text: string) => products.events.Noted({ note: text });

async function meeting(t: TestContext) {
  const side = await outboxSide(t);
  const box = outbox(side.pool, { schema });
  side.defer(() => box.close());
  const other = await side.pool.connect();
  side.defer(() => other.release());
  const lockHead = (client: pg.PoolClient, partition: number) =>
    client.query(`select from ${schema}.heads where log = 'products' and partition = $1 for update nowait`, [partition]);
  return { side, box, other, lockHead };
}

test("heads are locked in one order, whatever the order of the publications was", async (t) => {
  const { side, box, other, lockHead } = await meeting(t);
  await other.query("begin");
  await lockHead(other, 1);
  const committing = box.transaction(async (tx) => {
    for (const stream of [c, b, a]) await box.publish(tx, products, stream, note(stream));
  });
  await blockedOrDone(side.database, [committing]);
  // it waits for the second head, so it holds the first one and not yet the third
  const third = await side.pool.connect();
  side.defer(() => third.release());
  await assert.rejects(lockHead(third, 0), { code: "55P03" });
  await lockHead(third, 2);
  await other.query("rollback");
  await committing;
  assert.deepEqual(
    (await side.all()).map((e) => [e.partition, e.position, e.stream]),
    [
      [0, 1, a],
      [1, 1, b],
      [2, 1, c],
    ],
  );
  assert.deepEqual(await side.faults(), []);
});

/** An append of one event that waits for nobody, by hand, up to its commit. */
async function appendByHand(client: pg.PoolClient, stream: string): Promise<void> {
  await client.query("begin");
  await client.query(`select from ${schema}.heads where log = 'products' and partition = 0 for update`);
  await client.query(`update ${schema}.heads set position = position + 1 where log = 'products' and partition = 0`);
  await client.query(
    `insert into ${schema}.events(log, partition, position, stream, version, type, schema_version, data, metadata, event_id, command_id)
     select 'products', 0, position, $1, 1, 'Noted', 1, '{"note":"first"}', '{}', gen_random_uuid(), 'c' from ${schema}.heads where log = 'products' and partition = 0`,
    [stream],
  );
}

test("versions and positions are looked up after the lock: what another one commits meanwhile counts", async (t) => {
  const { side, box, other } = await meeting(t);
  await appendByHand(other, a);
  const committing = box.transaction((tx) => box.publish(tx, products, a, note("second")));
  await blockedOrDone(side.database, [committing]);
  await other.query("commit");
  await committing;
  assert.deepEqual(
    (await side.all()).map((e) => [e.position, e.version, e.data]),
    [
      [1, 1, '{"note":"first"}'],
      [2, 2, '{"note":"second"}'],
    ],
  );
});

test("a version that was right at the publication and at the begin of the commit is checked after the lock", async (t) => {
  const { side, box, other } = await meeting(t);
  await appendByHand(other, a);
  const committing = box.transaction((tx) => box.publish(tx, products, a, note("second"), { expectedVersion: 0 }));
  const refused = assert.rejects(committing, (error) => isTidemarkError(error, "VERSION_MISMATCH") && error.details.actual === 1);
  await blockedOrDone(side.database, [committing]);
  await other.query("commit");
  await refused;
  assert.equal((await side.all()).length, 1);
  assert.deepEqual(await side.faults(), []);
});

test("a transaction that stays open with events keeps nobody waiting", async (t) => {
  const { side, box, other } = await meeting(t);
  await other.query("begin");
  const published = await box.publish(other, products, a, note("late"));
  const [outcome] = await side.store.append(0, [write(a, 1, { log: "products", partitions: 4 })]);
  assert.deepEqual(outcome, { status: "appended", version: 1, position: 1 });
  await box.transaction((tx) => box.publish(tx, products, a, note("early"), { expectedVersion: 1 }));
  await other.query("commit");
  assert.notEqual(await box.committed(published), null);
  assert.deepEqual((await side.all()).map((e) => e.data).slice(1), ['{"note":"early"}', '{"note":"late"}']);
});
