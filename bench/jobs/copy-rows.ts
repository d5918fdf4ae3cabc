/** COPY of the finished rows into a generation's table, with its indexes and no logic at all: what the rows alone cost. */
import pg from "pg";
import { copyFrom } from "../workload/copy.ts";
import { eventsPerOrder, orderKey } from "../workload/orders.ts";
import { expectedDocument, openViews, plainOrders, viewSchema } from "../workload/views.ts";
import type { Job } from "./job.ts";

export interface CopyArgs {
  readonly url: string;
  readonly events: number;
}

const fields = ["orderId", "customerId", "status", "total", "itemCount", "createdAt", "updatedAt"] as const;

const job: Job<CopyArgs, number> = async ({ url, events }) => {
  const read = await openViews(url);
  const { generations } = await read.store.ensure(plainOrders);
  await read.close();
  const lines = Array.from({ length: events / eventsPerOrder }, (_, n) => {
    const document = expectedDocument(plainOrders.name, n);
    const hidden = [orderKey(n), "t", eventsPerOrder, document["updatedAt"], "\\N"];
    return `${[...hidden, ...fields.map((field) => document[field])].join("\t")}\n`;
  });
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const table = `${viewSchema}.${plainOrders.name}_g${generations[0]!.generation}`;
  const columns = ["_key", "_held", "_version", "_updated", "_rest", ...fields.map((field) => `"${field}"`)].join(", ");
  return {
    go: () => copyFrom(client, `copy ${table}(${columns}) from stdin`, lines),
    close: () => client.end(),
  };
};
export default job;
