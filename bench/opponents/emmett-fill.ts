/** Emmett's tables with a history, by COPY: one position after the other, as if appended by one writer. */
import type pg from "pg";
import { copyFrom, copyText } from "../workload/copy.ts";

export interface EmmettMessage {
  readonly stream: string;
  readonly version: number;
  readonly id: string;
  readonly type: string;
  /** JSON, as are `metadata`. */
  readonly data: string;
  readonly metadata: string;
}

/** The tables must be there and hold nothing. */
export async function fillMessages(client: pg.Client, messages: Iterable<EmmettMessage>): Promise<void> {
  const { rows } = await client.query<{ xid: string }>("select pg_current_xact_id()::text as xid");
  const lines = function* () {
    for (const { stream, version, id, type, data, metadata } of messages)
      yield `${version}\t${rows[0]!.xid}\torders-${stream}\t1\t${id}\t${type}\t${copyText(data)}\t${copyText(metadata)}\n`;
  };
  const columns =
    "stream_position, transaction_id, stream_id, message_schema_version, message_id, message_type, message_data, message_metadata";
  await copyFrom(client, `copy emt_messages(${columns}) from stdin`, lines());
  await client.query(
    "insert into emt_streams select stream_id, max(stream_position), 'emt:default', 'orders', '{}' from emt_messages group by 1",
  );
  await client.query("vacuum analyze emt_messages");
}
