/** A write store with a history: exactly the rows that append would have made of it, events, stored answers and heads, in the order of positions. */
import { createHash, randomUUID } from "node:crypto";
import pg from "pg";
import type { StoredEvent } from "../../src/runtime/ports.ts";
import { copyFrom, copyText } from "../workload/copy.ts";
import { writeSchema } from "../workload/write-store.ts";

const eventColumns = "log, partition, position, stream, version, type, schema_version, data, metadata, event_id, command_id";
const commandColumns = "command_id, fingerprint, log, partition, stream, kind, answer, version, position";

/** Events of a COPY: also the most that are in memory at a time. */
const chunk = 50_000;

/** The tables must be there and hold nothing of these logs. `events` in the order of their positions; each becomes one command of its own, under a random id. */
export async function fillWriteStore(url: string, events: Iterable<StoredEvent>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const heads = new Map<string, readonly [log: string, partition: number, position: number]>();
  const copy = async (rows: readonly StoredEvent[]) => {
    const own = rows.map(withRandomCommand);
    await copyFrom(client, `copy events (${eventColumns}) from stdin`, own.map(eventLine));
    await copyFrom(client, `copy commands (${commandColumns}) from stdin`, own.map(commandLine));
    for (const { log, partition, position } of rows) heads.set(`${log} ${partition}`, [log, partition, position]);
  };
  try {
    await client.query(`set search_path to ${writeSchema}`);
    let rows: StoredEvent[] = [];
    for (const event of events) {
      rows.push(event);
      if (rows.length < chunk) continue;
      await copy(rows);
      rows = [];
    }
    if (rows.length > 0) await copy(rows);
    for (const head of heads.values()) await client.query("update heads set position = $3 where log = $1 and partition = $2", [...head]);
    await client.query("vacuum (analyze) events");
    await client.query("vacuum (analyze) commands");
    await client.query("checkpoint");
  } finally {
    await client.end();
  }
}

/** Ids of commands are random, as those from idempotency keys are: the index over them is written everywhere. */
function withRandomCommand(event: StoredEvent): StoredEvent {
  const commandId = randomUUID();
  return { ...event, commandId, metadata: event.metadata.replaceAll(event.commandId, commandId) };
}

const eventLine = (e: StoredEvent): string =>
  `${e.log}\t${e.partition}\t${e.position}\t${e.stream}\t${e.version}\t${e.type}\t${e.schemaVersion}\t${copyText(e.data)}\t${copyText(e.metadata)}\t${e.id}\t${e.commandId}\n`;

const commandLine = (e: StoredEvent): string =>
  `${e.commandId}\t${fingerprint(e)}\t${e.log}\t${e.partition}\t${e.stream}\te\t{"version":${e.version}}\t${e.version}\t${e.position}\n`;

/** As long as the runtime's own, and as random. */
const fingerprint = (e: StoredEvent): string => createHash("sha256").update(e.commandId).digest("base64url");
