/** One command to each of many streams in random order, none of which is in memory: what loading a state costs, with snapshots and without. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import { partitionOf } from "../../src/core/index.ts";
import type { AnyAggregate } from "../../src/core/index.ts";
import type { StoredEvent } from "../../src/runtime/ports.ts";
import type { Benchmark, Contender, RunContext } from "../benchmark.ts";
import { percentile } from "../harness/statistics.ts";
import { type EmmettMessage, fillMessages } from "../opponents/emmett-fill.ts";
import { checkEmmett, emmettPoolSize, openEmmett } from "../opponents/emmett.ts";
import { checkWriteStore } from "../setup/check-write-store.ts";
import { openWriteSide } from "../setup/commands.ts";
import { fillWriteStore } from "../setup/fill-write-store.ts";
import { emmettNotes, notes, noteText, notesWithSnapshots } from "../setup/notes.ts";
import { partitions } from "../workload/write-store.ts";

const callers = 64;
const eventsPerStream = 50;
/** Few enough that no stream is met in memory. */
const cachedStreams = 100;

interface Filled {
  readonly streams: readonly string[];
  /** A database for each contender, filled alike: commands add to it from round to round, to each the same. */
  readonly urls: ReadonlyMap<string, string>;
  readonly stored: Map<string, number>;
}

const names = { snapshots: "Tidemark, snapshots", plain: "Tidemark", emmett: "Emmett" };

export default {
  name: "cold-aggregates",
  quickSeconds: 13,
  title: `one command to each of many streams of ${eventsPerStream} events, in random order, ${callers} callers, almost no state in memory`,
  opponents: true,
  cases: ({ quick }) => {
    const count = quick ? 1_000 : 10_000;
    let filled: Filled;
    return [
      {
        name: `${count.toLocaleString("en-US")} streams`,
        against: names.emmett,
        contenders: [
          tidemark(names.snapshots, notesWithSnapshots, () => filled),
          tidemark(names.plain, notes, () => filled),
          emmett(() => filled),
        ],
        async prepare(context) {
          const databases = new Map(
            await Promise.all(Object.values(names).map(async (name) => [name, await (await context.postgres()).createDatabase()] as const)),
          );
          const streams = Array.from({ length: count }, () => randomUUID());
          const urls = new Map([...databases].map(([name, { url }]) => [name, url]));
          for (const name of [names.snapshots, names.plain]) await fillTidemark(urls.get(name)!, streams);
          await fillEmmett(urls.get(names.emmett)!, streams);
          filled = { streams, urls, stored: new Map(Object.values(names).map((name) => [name, count * eventsPerStream])) };
          return async () => {
            for (const { drop } of databases.values()) await drop();
          };
        },
      },
    ];
  },
} satisfies Benchmark;

const tidemark = (name: string, aggregate: AnyAggregate, filled: () => Filled): Contender => ({
  name,
  async run(context) {
    const { streams, urls, stored } = filled();
    const url = urls.get(name)!;
    const side = await openWriteSide(url, { aggregates: [aggregate], cachedStreams });
    const run = await oneEach(context, streams, (stream, text) => side.execute({ aggregate, type: "WriteNote", stream, data: { text } }));
    await side.close();
    stored.set(name, stored.get(name)! + streams.length);
    await checkWriteStore(url, { events: stored.get(name)!, commands: stored.get(name)! });
    return run;
  },
});

const emmett = (filled: () => Filled): Contender => ({
  name: names.emmett,
  async run(context) {
    const { streams, urls, stored } = filled();
    const url = urls.get(names.emmett)!;
    const { evolve, initialState, decide } = emmettNotes;
    const side = await openEmmett(url, { poolSize: emmettPoolSize, evolve, initialState });
    const run = await oneEach(context, streams, (stream, text) => side.execute(stream, () => decide(text)));
    await side.close();
    stored.set(names.emmett, stored.get(names.emmett)! + streams.length);
    await checkEmmett(url, stored.get(names.emmett)!);
    return run;
  },
});

async function oneEach(context: RunContext, streams: readonly string[], write: (stream: string, text: string) => Promise<void>) {
  const order = shuffled(streams);
  const latenciesMs: number[] = [];
  let next = 0;
  const caller = async () => {
    while (next < order.length) {
      const n = next++;
      const startedAt = performance.now();
      await write(order[n]!, noteText(n));
      latenciesMs.push(performance.now() - startedAt);
    }
  };
  const { seconds } = await context.measured(() => Promise.all(Array.from({ length: callers }, caller)));
  return {
    figures: { "commands/s": order.length / seconds, "p50 ms": percentile(latenciesMs, 0.5), "p99 ms": percentile(latenciesMs, 0.99) },
    operations: order.length,
  };
}

function shuffled<T>(values: readonly T[]): T[] {
  const all = [...values];
  for (let i = all.length - 1; i > 0; i -= 1) {
    const j = Math.floor(Math.random() * (i + 1));
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all;
}

async function fillTidemark(url: string, streams: readonly string[]): Promise<void> {
  await (await openWriteSide(url, { aggregates: [notes] })).close();
  await fillWriteStore(url, history(streams));
}

/** Version by version, so that the events of a stream lie far apart, as they do where streams grow slowly. */
function* history(streams: readonly string[]): Generator<StoredEvent> {
  const positions = Array<number>(partitions).fill(0);
  const placed = streams.map((stream) => ({ stream, partition: partitionOf(stream, partitions) }));
  for (let version = 1; version <= eventsPerStream; version += 1)
    for (const { stream, partition } of placed) {
      const position = (positions[partition]! += 1);
      const commandId = randomUUID();
      yield {
        log: notes.name,
        partition,
        position,
        stream,
        version,
        type: "NoteWritten",
        schemaVersion: 1,
        id: randomUUID(),
        commandId,
        data: JSON.stringify({ text: noteText(position) }),
        metadata: JSON.stringify({ time: new Date().toISOString(), commandId, correlationId: commandId, causationId: commandId }),
      };
    }
}

/** In two parts, so that the events of a stream lie apart here too. */
async function fillEmmett(url: string, streams: readonly string[]): Promise<void> {
  const { evolve, initialState } = emmettNotes;
  await (await openEmmett(url, { poolSize: emmettPoolSize, evolve, initialState })).close();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await fillMessages(client, emmettHistory(streams));
  await client.end();
  await checkEmmett(url, streams.length * eventsPerStream);
}

function* emmettHistory(streams: readonly string[]): Generator<EmmettMessage> {
  const parts = 2;
  const perPart = eventsPerStream / parts;
  for (let part = 0; part < parts; part += 1)
    for (const stream of streams)
      for (let version = part * perPart + 1; version <= (part + 1) * perPart; version += 1) {
        const id = randomUUID();
        const { type, data } = emmettNotes.decide(noteText(version));
        yield { stream, version, id, type, data: JSON.stringify(data), metadata: "{}" };
      }
}
