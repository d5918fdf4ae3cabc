/** I1 with transactions of users: many at once, over several streams, partitions and logs in any order, beside appends on the same heads; some are taken back, some cut. */
import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { choices } from "../../test/choices.ts";
import { orders, outboxSide, partitions, products, schema } from "../../test/outbox-side.ts";
import { write } from "../../test/write-side.ts";
import { partitionOf } from "../core/partition.ts";
import { takeNext } from "../core/sequence.ts";
import { isTidemarkError } from "../errors.ts";
import { outbox } from "./index.ts";

const publishers = 12;
const appenders = 4;
const durationMs = 6_000;
const logs = [products, orders];

test("no deadlock, dense positions, every committed event and no other, in the order of the commits", { timeout: 60_000 }, async (t) => {
  const side = await outboxSide(t, undefined, publishers + 2);
  const box = outbox(side.pool, { schema });
  side.defer(() => box.close());
  await side.pool.query(`insert into stock select 's-' || i, 1000000 from generate_series(0, 59) i`);
  const until = performance.now() + durationMs;
  const committed = new Set<string>();
  /** Their commit was cut: there or not, as a whole. */
  const unknown: string[][] = [];
  const totals = { committed: 0, takenBack: 0, savepoints: 0, mismatches: 0, cut: 0, appended: 0, conflicts: 0 };
  let next = 0;
  let written = false;

  async function publisher(seed: number): Promise<void> {
    const pick = choices(seed);
    while (performance.now() < until) {
      const kept: string[] = [];
      const doomed = pick(8) === 0;
      try {
        await box.transaction(async (tx) => {
          // one row of the user's own is locked before the heads are
          await tx.query("update stock set quantity = quantity - 1 where id = $1", [`s-${pick(60)}`]);
          if (pick(10) === 0) await tx.query("set constraints all immediate");
          for (let i = 1 + pick(6); i > 0; i--) {
            const stream = `s-${pick(60)}`;
            const log = logs[pick(2)]!;
            const texts = Array.from({ length: 1 + pick(3) }, () => `${next++}`);
            const inSavepoint = pick(5) === 0;
            if (inSavepoint) await tx.query("savepoint s");
            const expected = pick(6) === 0 ? { expectedVersion: pick(20) } : {};
            await box.publish(
              tx,
              log,
              stream,
              texts.map((text) => products.events.Noted({ note: text })),
              expected,
            );
            if (inSavepoint && pick(2) === 0) {
              totals.savepoints += 1;
              await tx.query("rollback to savepoint s");
            } else kept.push(...texts);
          }
          if (doomed) throw new Error("taken back");
        });
        totals.committed += 1;
        for (const text of kept) committed.add(text);
      } catch (error) {
        if (isTidemarkError(error, "VERSION_MISMATCH")) totals.mismatches += 1;
        else if (error instanceof Error && error.message === "taken back") totals.takenBack += 1;
        else if (isCut(error)) {
          totals.cut += 1;
          unknown.push(kept);
        } else throw error;
      }
    }
  }

  async function appender(lane: number): Promise<void> {
    const pick = choices(1_000 + lane);
    const versions = new Map<string, number>();
    while (performance.now() < until) {
      const chosen = new Map(Array.from({ length: 1 + pick(5) }, () => [`${logs[pick(2)]!.name}/s-${pick(60)}`, 0] as const));
      const commands = [...chosen.keys()].map((place) => {
        const [log, stream] = place.split("/") as [string, string];
        return write(stream, 1, { log, partitions, baseVersion: versions.get(place) ?? 0 });
      });
      const outcomes = await side.store.append(lane, commands);
      for (const [i, outcome] of outcomes.entries()) {
        const { log, stream } = commands[i]!;
        totals[outcome.status === "appended" ? "appended" : "conflicts"] += 1;
        if (outcome.status === "appended" || outcome.status === "conflict") versions.set(`${log}/${stream}`, outcome.version);
      }
    }
  }

  async function cutter(): Promise<void> {
    const admin = new pg.Client({ connectionString: side.url, application_name: "cutter" });
    await admin.connect();
    const pick = choices(77);
    while (performance.now() < until) {
      await admin.query(
        `select pg_sleep(0.15), (select pg_terminate_backend(x.pid) from (select pid from pg_stat_activity where datname = current_database() and application_name = ''
           and backend_type = 'client backend' and pid <> pg_backend_pid() and state = 'active' order by pid offset $1 limit 1) x)`,
        [pick(6)],
      );
    }
    await admin.end();
  }

  async function tail(log: string): Promise<number> {
    const lasts = Array.from({ length: partitions }, (_, partition) => ({ log, partition, position: 0, eventId: null as string | null }));
    let seen = 0;
    for (let more = true; more;) {
      more = !written;
      const events = await side.store.read(
        log,
        lasts.map((l) => ({ partition: l.partition, position: Math.max(1, l.position) })),
        500,
      );
      for (const last of lasts) {
        const taken = takeNext(
          last,
          events.filter((e) => e.partition === last.partition),
        );
        seen += taken.length;
        const end = taken.at(-1);
        if (end !== undefined) Object.assign(last, { position: end.position, eventId: end.id });
        if (taken.length > 0) more = true;
      }
    }
    return seen;
  }

  const work = [
    cutter(),
    ...Array.from({ length: publishers }, (_, i) => publisher(i + 1)),
    ...Array.from({ length: appenders }, (_, i) => appender(i)),
  ];
  const writing = Promise.all(work).finally(() => (written = true));
  const [, ...seen] = await Promise.all([writing, ...logs.map((log) => tail(log.name))]);
  t.diagnostic(JSON.stringify(totals));
  for (const kind of ["committed", "takenBack", "savepoints", "mismatches", "cut", "appended", "conflicts"] as const)
    assert.ok(totals[kind] > 0, `no ${kind}`);
  assert.deepEqual(await side.faults(), []);
  const events = (await Promise.all(logs.map((log) => side.all(log.name)))).flat();
  assert.equal(
    seen.reduce((x, y) => x + y, 0),
    events.length,
  );
  const there = new Set(events.flatMap((e) => (e.data.includes("note") ? [(JSON.parse(e.data) as { note: string }).note] : [])));
  for (const texts of unknown) {
    const found = texts.filter((text) => there.delete(text)).length;
    assert.ok(found === 0 || found === texts.length, "a cut transaction is there as a whole or not at all");
  }
  assert.deepEqual(
    [...there].toSorted((x, y) => Number(x) - Number(y)),
    [...committed].toSorted((x, y) => Number(x) - Number(y)),
  );
  for (const { stream, partition } of events) assert.equal(partition, partitionOf(stream, partitions));
});

const isCut = (error: unknown): boolean =>
  error instanceof Error &&
  ((error as { code?: string }).code === "57P01" ||
    /Connection terminated|Client has encountered|not queryable|ECONNRESET/.test(error.message));
