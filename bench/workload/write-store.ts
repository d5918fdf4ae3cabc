/** A write store that holds the workload as if commands had been appended: heads, dense positions, streams' partitions. */
import pg from "pg";
import { eventStore, migrateWriteStore, openDatabase } from "../../src/postgres/index.ts";
import type { LogIdentity, StoredEvent } from "../../src/runtime/ports.ts";
import { copyFrom, copyText } from "./copy.ts";
import { customerEvents, orderEvents } from "./events.ts";

export const writeSchema = "tidemark";
export const partitions = 6;

/** Opens the write store of a database as every role does. */
export async function openWriteStore(url: string) {
  const database = await openDatabase({ url }, { schema: writeSchema });
  await migrateWriteStore(database, { schema: writeSchema, ddl: true });
  const store = eventStore(database);
  const identities = new Map((await store.openLogs(["customers", "orders"], partitions)).map((identity) => [identity.log, identity]));
  return {
    store,
    identities,
    identity: (log: string): LogIdentity => identities.get(log)!,
    async close() {
      await store.close();
      await database.close();
    },
  };
}

/** Fills an empty write store; rows of `commands` are left out, since no reader of events looks at them. */
export async function fillWriteStore(url: string, events: number): Promise<void> {
  const opened = await openWriteStore(url);
  await opened.close();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`set search_path to ${writeSchema}`);
    const heads = new Map<string, number>();
    const lines = function* (rows: Iterable<StoredEvent>) {
      for (const row of rows) {
        heads.set(`${row.log} ${row.partition}`, row.position);
        yield lineOf(row);
      }
    };
    await client.query("begin");
    const columns = "log, partition, position, stream, version, type, schema_version, data, metadata, event_id, command_id";
    const copy = `copy events (${columns}) from stdin`;
    const copied = await copyFrom(client, copy, lines(orderEvents({ events, partitions })));
    if (copied !== events) throw new Error(`${copied} of ${events} events were copied`);
    await copyFrom(client, copy, lines(customerEvents(partitions)));
    for (const [key, position] of heads) {
      const [log, partition] = key.split(" ");
      await client.query("update heads set position = $3 where log = $1 and partition = $2", [log, partition, position]);
    }
    await client.query("commit");
    await client.query("vacuum (analyze, freeze) events");
  } finally {
    await client.end();
  }
}

const lineOf = (e: StoredEvent): string =>
  `${e.log}\t${e.partition}\t${e.position}\t${e.stream}\t${e.version}\t${e.type}\t${e.schemaVersion}\t${copyText(e.data)}\t${copyText(e.metadata)}\t${e.id}\t${e.commandId}\n`;
