/**
 * The projection of the textbooks: for each event one transaction that asks whether it was processed, reads the document, writes it and
 * marks the event. Events come from memory, statements are prepared, one connection for each partition so that they overlap.
 */
import pg from "pg";
import type { Document } from "../../src/core/definition.ts";
import type { LogEvent } from "../../src/core/message.ts";
import { toLogEvent } from "../../src/runtime/log-event.ts";
import { orderEvents } from "../workload/events.ts";
import { plainOrders } from "../workload/views.ts";
import { partitions } from "../workload/write-store.ts";
import type { Job } from "./job.ts";

export interface TextbookArgs {
  readonly url: string;
  readonly events: number;
  readonly connections: number;
}

const tables = `
  create table if not exists processed_events(event_id uuid primary key);
  create table if not exists textbook_orders(id text primary key, customer_id text not null, document jsonb not null);
  create index if not exists textbook_orders_by_customer on textbook_orders(customer_id);`;

async function project(client: pg.Client, event: LogEvent): Promise<void> {
  await client.query("begin");
  const seen = await client.query({ name: "seen", text: "select 1 from processed_events where event_id = $1", values: [event.id] });
  if (seen.rowCount === 0) {
    const { rows } = await client.query<{ document: Document }>({
      name: "read",
      text: "select document from textbook_orders where id = $1 for update",
      values: [event.stream],
    });
    const next = plainOrders.fold(rows[0]?.document ?? null, event, event.stream);
    await client.query({
      name: "write",
      text: "insert into textbook_orders values ($1, $2, $3) on conflict (id) do update set customer_id = $2, document = $3",
      values: [event.stream, next!["customerId"], JSON.stringify(next)],
    });
    await client.query({ name: "mark", text: "insert into processed_events values ($1)", values: [event.id] });
  }
  await client.query("commit");
}

const job: Job<TextbookArgs, number> = async ({ url, events, connections }) => {
  const queues = Array.from({ length: connections }, () => [] as LogEvent[]);
  for (const event of orderEvents({ events, partitions })) queues[event.partition % connections]!.push(toLogEvent(event));
  const clients = await Promise.all(
    queues.map(async () => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      return client;
    }),
  );
  await clients[0]!.query(tables);
  return {
    async go() {
      await Promise.all(
        queues.map(async (queue, i) => {
          for (const event of queue) await project(clients[i]!, event);
        }),
      );
      const { rows } = await clients[0]!.query<{ count: string }>(
        "select count(*) from textbook_orders where document->>'status' = 'PAID' and (document->>'itemCount')::int = 4",
      );
      return Number(rows[0]!.count);
    },
    close: async () => void (await Promise.all(clients.map((client) => client.end()))),
  };
};
export default job;
