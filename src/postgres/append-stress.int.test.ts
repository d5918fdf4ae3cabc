/** I1 and I6 under everything at once: many connections, shared ids, stale versions, chains, stored rejections, cut connections. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { choices } from "../../test/choices.ts";
import { engines, write, writeStore } from "../../test/write-side.ts";
import { partitionOf } from "../core/partition.ts";
import { takeNext } from "../core/sequence.ts";
import { isTidemarkError } from "../errors.ts";
import type { AppendCommand, AppendOutcome } from "../runtime/ports.ts";

const logs = ["orders", "customers"];
const partitions = 4;
const workers = 16;
const durationMs = 8_000;

test(
  "postgres: dense positions, gapless versions and one answer per id, from 16 connections that are cut now and then",
  { timeout: 60_000 },
  async (t) => {
    const { database } = await engines[0]!.open(t);
    const store = await writeStore(t, database, { lanes: workers });
    await store.openLogs(logs, partitions);
    const until = performance.now() + durationMs;
    const answers = new Map<string, string>();
    const totals = { calls: 0, cut: 0, appended: 0, duplicate: 0, conflict: 0, mismatch: 0, checked: 0 };
    let nextId = 0;
    let written = false;

    const remember = (command: AppendCommand, outcome: AppendOutcome): void => {
      totals[outcome.status] += 1;
      let answer: string | undefined;
      if (outcome.status === "appended") answer = `${command.fingerprint} ${outcome.version} ${outcome.position}`;
      if (outcome.status === "duplicate" && outcome.first !== null)
        answer = `${outcome.first.fingerprint} ${outcome.first.version} ${outcome.first.position}`;
      if (answer === undefined) return;
      assert.equal(answers.get(command.id) ?? answer, answer, `two answers for ${command.id}`);
      answers.set(command.id, answer);
    };

    async function worker(lane: number): Promise<void> {
      const pick = choices(lane + 1);
      const versions = new Map<string, number>();
      while (performance.now() < until) {
        const commands: AppendCommand[] = [];
        const used = new Set<string>();
        const expected = new Map<string, number>();
        for (let i = 1 + pick(40); i > 0; i--) {
          // ids of a sliding window, so several workers use the same ones, in other places and another order
          const id = pick(4) === 0 ? `id-${Math.max(0, nextId - pick(200))}` : `id-${nextId++}`;
          if (used.has(id)) continue;
          used.add(id);
          const log = logs[pick(2)]!;
          const stream = `s-${pick(60)}`;
          const place = `${log}/${stream}`;
          const known = versions.get(place) ?? 0;
          const base = pick(15) === 0 ? Math.max(0, known - 1) : known;
          const expectedVersion = expected.get(place) ?? base;
          const baseVersion = expected.has(place) ? commands.find((c) => c.log === log && c.stream === stream)!.baseVersion : base;
          const kind = (["events", "events", "events", "rejection", "none", "check"] as const)[pick(6)]!;
          const n = kind === "events" ? 1 + pick(3) : 0;
          expected.set(place, expectedVersion + n);
          commands.push(
            write(stream, n, {
              id,
              fingerprint: `${lane}-${totals.calls}-${id}`,
              log,
              partition: partitionOf(stream, partitions),
              baseVersion,
              expectedVersion,
              kind,
              ifMatch: pick(10) === 0,
            }),
          );
        }
        for (;;) {
          try {
            const outcomes = await store.append(lane, commands);
            totals.calls += 1;
            for (const [i, outcome] of outcomes.entries()) {
              const command = commands[i]!;
              remember(command, outcome);
              if (outcome.status !== "duplicate") versions.set(`${command.log}/${command.stream}`, outcome.version);
            }
            break;
          } catch (error) {
            if (!isTidemarkError(error, "UNAVAILABLE")) throw error;
            totals.cut += 1;
          }
        }
      }
    }

    async function cutter(): Promise<void> {
      const pick = choices(99);
      while (performance.now() < until) {
        await database.query({
          text: `select pg_sleep(0.1), (select pg_terminate_backend(x.pid) from (select pid from pg_stat_activity where datname = current_database() and state = 'active'
                 and query like '%tidemark_append%' and pid <> pg_backend_pid() order by pid offset $1 limit 1) x)`,
          values: [pick(workers)],
        });
      }
    }

    /** A reader that tails all the time: what it sees is dense too. */
    async function tail(log: string): Promise<number> {
      const lasts = Array.from({ length: partitions }, (_, partition) => ({ log, partition, position: 0, eventId: null as string | null }));
      let seen = 0;
      for (let more = true; more;) {
        more = !written;
        const events = await store.read(
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

    const writing = Promise.all([cutter(), ...Array.from({ length: workers }, (_, i) => worker(i))]).finally(() => {
      written = true;
    });
    const [, ...seen] = await Promise.all([writing, ...logs.map(tail)]);
    t.diagnostic(JSON.stringify(totals));
    for (const status of ["appended", "duplicate", "conflict", "mismatch", "checked", "cut"] as const)
      assert.ok(totals[status] > 0, `no ${status}`);

    const faults = async (what: string, text: string): Promise<void> => {
      const { rows } = await database.query({ text });
      assert.deepEqual(rows, [], what);
    };
    await database.query({ text: "create index on events(command_id)" });
    await faults(
      "positions are dense and end at the head",
      `select h.log, h.partition from heads h left join events e using (log, partition) group by h.log, h.partition, h.position
    having count(e.position) <> h.position or coalesce(max(e.position), 0) <> h.position or coalesce(min(e.position), 1) <> 1`,
    );
    await faults(
      "versions are gapless",
      "select log, stream from events group by log, stream having count(*) <> max(version) or min(version) <> 1",
    );
    await faults(
      "a stream stays in one partition",
      "select log, stream from events group by log, stream having count(distinct partition) > 1",
    );
    await faults(
      "order of positions = order of versions",
      "select 1 from (select position - lag(position) over (partition by log, stream order by version) as step from events) x where step <= 0",
    );
    await faults("events without a claim", "select 1 from events e left join commands k using (command_id) where k.command_id is null");
    await faults(
      "claims whose events are not theirs",
      `select k.command_id from commands k left join events e on e.command_id = k.command_id group by k.command_id
    having (k.kind = 'e') <> (count(e.*) > 0) or (k.kind = 'e' and (max(e.version) <> k.version or max(e.position) <> k.position or min(e.stream) <> k.stream or min(e.log) <> k.log))`,
    );
    const { rows } = await database.query<{ id: string; answer: string }>({
      text: "select command_id as id, fingerprint || ' ' || version || ' ' || position as answer from commands",
    });
    const stored = new Map(rows.map((row) => [row.id, row.answer]));
    for (const [id, answer] of answers) assert.equal(stored.get(id), answer, `what ${id} was answered is what is stored`);
    const { rows: count } = await database.query<{ n: number }>({ text: "select count(*) as n from events" });
    assert.equal(
      seen.reduce((a, b) => a + b, 0),
      count[0]!.n,
    );
  },
);
