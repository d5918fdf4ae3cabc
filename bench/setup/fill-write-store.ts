/** A write store with a history: exactly the rows that append would have made of it, events, stored answers and heads, in the order of positions. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import type { StoredEvent } from "../../src/runtime/ports.ts";
import { copyFrom, copyText } from "../workload/copy.ts";
import { writeSchema } from "../workload/write-store.ts";

const eventColumns = "log, partition, position, stream, version, type, schema_version, data, metadata, event_id, command_id";

/** As long as the runtime's own fingerprints, and as random; one command for each event. */
const commandsOfEvents = `
  insert into commands (command_id, fingerprint, log, partition, stream, kind, answer, version, position)
  select command_id, rtrim(translate(encode(sha256(command_id::bytea), 'base64'), '+/', '-_'), '='), log, partition, stream, 'e',
         json_build_object('version', version), version, position
    from events order by log, partition, position`;

/**
 * The tables must be there and hold nothing. `events` in the order of their positions; each becomes one command of its own, under a random id.
 * Indexes are made once the rows are there, as full as those that grow by random keys.
 */
export async function fillWriteStore(url: string, events: Iterable<StoredEvent>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const heads = new Map<string, readonly [log: string, partition: number, position: number]>();
  const lines = function* () {
    for (const event of events) {
      heads.set(`${event.log} ${event.partition}`, [event.log, event.partition, event.position]);
      yield eventLine(withRandomCommand(event));
    }
  };
  try {
    await client.query(`set search_path to ${writeSchema}`);
    await client.query("set maintenance_work_mem to '512MB'");
    await withoutIndexes(client, ["events", "commands"], async () => {
      await copyFrom(client, `copy events (${eventColumns}) from stdin`, lines());
      await client.query(commandsOfEvents);
    });
    for (const head of heads.values()) await client.query("update heads set position = $3 where log = $1 and partition = $2", [...head]);
    await client.query("vacuum (analyze) events");
    await client.query("vacuum (analyze) commands");
    await client.query("checkpoint");
  } finally {
    await client.end();
  }
}

/** Of leaf pages where keys come in random order. */
const fillFactor = 70;

/** Primary keys and unique constraints of these tables are taken away, and made again after it, under their names. */
async function withoutIndexes(client: pg.Client, tables: readonly string[], fill: () => Promise<void>): Promise<void> {
  const { rows } = await client.query<{ on: string; name: string; definition: string }>(
    `select conrelid::regclass::text as on, quote_ident(conname) as name, pg_get_constraintdef(oid) as definition
       from pg_constraint where conrelid = any($1::regclass[]) and contype in ('p', 'u')`,
    [tables],
  );
  for (const { on, name } of rows) await client.query(`alter table ${on} drop constraint ${name}`);
  await fill();
  for (const { on, name, definition } of rows) {
    await client.query(`alter table ${on} add constraint ${name} ${definition} with (fillfactor = ${fillFactor})`);
    await client.query(`alter index ${name} reset (fillfactor)`);
  }
}

/** Ids of commands are random, as those from idempotency keys are: the index over them is written everywhere. */
function withRandomCommand(event: StoredEvent): StoredEvent {
  const commandId = randomUUID();
  return { ...event, commandId, metadata: event.metadata.replaceAll(event.commandId, commandId) };
}

const eventLine = (e: StoredEvent): string =>
  `${e.log}\t${e.partition}\t${e.position}\t${e.stream}\t${e.version}\t${e.type}\t${e.schemaVersion}\t${copyText(e.data)}\t${copyText(e.metadata)}\t${e.id}\t${e.commandId}\n`;
