/** Upper limits: rows of events into the write store's own table and indexes, no lock, no check, no answer; one connection, one commit for each batch. */
import pg from "pg";
import { migrateWriteStore, openDatabase } from "../../src/postgres/index.ts";
import type { Contender, RunContext } from "../benchmark.ts";
import { percentile } from "../harness/statistics.ts";
import { closedLoop } from "../load/closed-loop.ts";
import { copyFrom, copyText } from "../workload/copy.ts";
import { orderEvents } from "../workload/events.ts";
import { eventId, orderKey } from "../workload/orders.ts";
import { partitions, writeSchema } from "../workload/write-store.ts";
import { checkCounts } from "./check-write-store.ts";

interface Row {
  readonly partition: number;
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly data: string;
  readonly metadata: string;
  readonly id: string;
  readonly commandId: string;
}

const columns = "log, partition, position, stream, version, type, schema_version, data, metadata, event_id, command_id";

/** The insert of arrays that append ends with, alone. */
export const insertContender = (batch: number): Contender => ({
  name: "insert of arrays",
  async run(context) {
    const { url } = await context.database();
    const database = await openDatabase({ url }, { schema: writeSchema });
    await migrateWriteStore(database, { schema: writeSchema, ddl: true });
    const connection = await database.dedicated();
    const types = ["int4", "int4", "text", "int4", "text", "text", "text", "uuid", "text"] as const;
    const text = `insert into events (${columns})
      select 'orders', u.partition, u.position, u.stream, u.version, u.type, 1, u.data::json, u.metadata::json, u.id, u.command
        from unnest(${types.map((type, i) => `$${i + 1}::${type}[]`).join(", ")}) u(partition, position, stream, version, type, data, metadata, id, command)`;
    const run = await load(context, batch, async (rows) => {
      const values = [
        rows.map((row) => row.partition),
        rows.map((row) => row.position),
        rows.map((row) => row.stream),
        rows.map((row) => row.version),
        rows.map((row) => row.type),
        rows.map((row) => row.data),
        rows.map((row) => row.metadata),
        rows.map((row) => row.id),
        rows.map((row) => row.commandId),
      ];
      await connection.query({ name: "bare_insert", text, values: values.map((each, i) => database.array(types[i]!, each)) });
    });
    await connection.close();
    await database.close();
    return run(url);
  },
});

export const copyContender = (batch: number): Contender => ({
  name: "COPY",
  async run(context) {
    const { url } = await context.database();
    const database = await openDatabase({ url }, { schema: writeSchema });
    await migrateWriteStore(database, { schema: writeSchema, ddl: true });
    await database.close();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(`set search_path to ${writeSchema}`);
    const run = await load(context, batch, async (rows) => {
      await copyFrom(client, `copy events (${columns}) from stdin`, rows.map(lineOf));
    });
    await client.end();
    return run(url);
  },
});

const lineOf = (row: Row): string =>
  `orders\t${row.partition}\t${row.position}\t${row.stream}\t${row.version}\t${row.type}\t1\t${copyText(row.data)}\t${copyText(row.metadata)}\t${row.id}\t${row.commandId}\n`;

/** Gives back what checks the table and gives the run. */
async function load(context: RunContext, batch: number, write: (rows: readonly Row[]) => Promise<void>) {
  const next = batches(batch);
  const call = async () => {
    await write(next());
    return batch;
  };
  const before = await closedLoop(1, context.warmUpSeconds, call);
  const { value } = await context.measured(() => closedLoop(1, context.seconds, call));
  return async (url: string) => {
    const events = before.calls + value.calls;
    await checkCounts(url, { events: "select count(*) from events" }, { events }, writeSchema);
    const { calls, seconds, latenciesMs } = value;
    return {
      figures: { "commands/s": calls / seconds, "p50 ms": percentile(latenciesMs, 0.5), "p99 ms": percentile(latenciesMs, 0.99) },
      operations: calls,
      notes: { "rows a commit": batch },
    };
  };
}

/** Texts are taken from a few thousand events again and again; keys, ids and positions are new. */
function batches(size: number): () => readonly Row[] {
  const texts = [...orderEvents({ events: 5_000, partitions })];
  let n = 0;
  return () =>
    Array.from({ length: size }, () => {
      const { type, data, metadata } = texts[n % texts.length]!;
      const order = Math.floor(n / 5);
      const version = (n % 5) + 1;
      n += 1;
      return {
        partition: n % partitions,
        position: Math.floor(n / partitions) + 1,
        stream: orderKey(order),
        version,
        type,
        data,
        metadata,
        id: eventId(order, version),
        commandId: eventId(order, version + 0x100),
      };
    });
}
