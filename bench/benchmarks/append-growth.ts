/**
 * What a long history costs an append: the same load on a write store with few and with many events, the same shared_buffers, ids in no order.
 * After a checkpoint the first change of each page is logged as a whole page (full_page_writes), and ids in no order change pages everywhere: so the more
 * pages the indexes have, the longer that takes to pass. A run begins with a checkpoint; its first seconds are a figure of their own, the section comes after.
 */
import pg from "pg";
import { orders } from "../../examples/orders/domain.ts";
import type { Benchmark, CaseContext, Contender, RunContext } from "../benchmark.ts";
import { percentile } from "../harness/statistics.ts";
import { closedLoop } from "../load/closed-loop.ts";
import { orderLives } from "../load/order-commands.ts";
import { checkCounts, checkWriteStore } from "../setup/check-write-store.ts";
import { openWriteSide } from "../setup/commands.ts";
import { fillWriteStore } from "../setup/fill-write-store.ts";
import { orderEvents } from "../workload/events.ts";
import { partitions, writeSchema } from "../workload/write-store.ts";

const callers = 64;
/** Of load between the checkpoint and the section, by the number of events: until most pages of the indexes were changed once. */
const settledSeconds = (events: number): number => Math.min(24, Math.max(2, 6 * (events / 1_000_000)));

/** Orders of each run, beyond those of the history. */
const ordersOfRun = 1_000_000;

export default {
  name: "append-growth",
  title: `commands of ${callers} callers on a write store that already holds events`,
  cases: ({ quick, large }) => {
    const [few, ...more] = quick ? [20_000, 200_000] : large ? [100_000, 1_000_000, 10_000_000] : [100_000, 1_000_000];
    let kept: readonly Kept[] = [];
    return [
      {
        name: `${callers} callers`,
        against: nameOf(few),
        contenders: [fresh(few), ...more.map((events, i) => grown(events, () => kept[i]!))],
        goals: more.map((events) => ({ row: "append with many events stored", of: nameOf(events), against: nameOf(few), atLeast: 0.85 })),
        async prepare(context) {
          const filled: Kept[] = [];
          for (const events of more) filled.push(await fill(context, events));
          kept = filled;
          return async () => {
            for (const { drop } of kept) await drop();
          };
        },
      },
    ];
  },
} satisfies Benchmark;

interface Kept {
  readonly url: string;
  readonly drop: () => Promise<void>;
  /** What it holds now: a large history stays from run to run and grows by what the runs add, which is against it. */
  stored: number;
}

const nameOf = (events: number) => `${events.toLocaleString("en-US")} events stored`;

async function fill(context: CaseContext, events: number): Promise<Kept> {
  const { url, drop } = await (await context.postgres()).createDatabase();
  await (await openWriteSide(url, { aggregates: [orders] })).close();
  await fillWriteStore(url, orderEvents({ events, partitions }));
  await checkWriteStore(url, { events, commands: events });
  return { url, drop, stored: events };
}

/** Filled anew for each run, so it stays small. */
const fresh = (events: number): Contender => ({
  name: nameOf(events),
  async run(context) {
    const kept = await fill(context, events);
    try {
      return await load(context, kept, events);
    } finally {
      await kept.drop();
    }
  },
});

const grown = (events: number, kept: () => Kept): Contender => ({ name: nameOf(events), run: (context) => load(context, kept(), events) });

async function load(context: RunContext, kept: Kept, filled: number) {
  const side = await openWriteSide(kept.url, { aggregates: [orders] });
  const call = orderLives(({ command }) => side.execute(command), filled + context.round * ordersOfRun);
  const first = await closedLoop(callers, 1, call);
  const between = await closedLoop(callers, settledSeconds(filled) - 1, call);
  const walBefore = await walBytes(kept.url);
  const { value } = await context.measured(() => closedLoop(callers, context.seconds, call));
  const walGrown = (await walBytes(kept.url)) - walBefore;
  await side.close();
  kept.stored += first.calls + between.calls + value.calls;
  await checkEnds(kept);
  return {
    figures: {
      "commands/s": value.calls / value.seconds,
      "p99 ms": percentile(value.latenciesMs, 0.99),
      "commands/s in the second after a checkpoint": first.calls / first.seconds,
      "WAL bytes a command": walGrown / value.calls,
    },
    operations: value.calls,
    notes: { "events at the end": kept.stored },
  };
}

/** Bytes that the server's log of changes has grown to. */
async function walBytes(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ bytes: string }>("select pg_current_wal_insert_lsn() - '0/0' as bytes");
  await client.end();
  return Number(rows[0]!.bytes);
}

/** Heads count every event, and the tables hold as many: each row was checked when the history was made. */
const checkEnds = ({ url, stored }: Kept): Promise<void> =>
  checkCounts(
    url,
    {
      "positions of all heads": "select sum(position) as count from heads",
      "events": "select count(*) from events",
      "stored answers": "select count(*) from commands",
    },
    { "positions of all heads": stored, "events": stored, "stored answers": stored },
    writeSchema,
  );
