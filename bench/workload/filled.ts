/** The workload in a write store and in Kafka, for the rounds of a case. */
import type { CaseContext } from "../benchmark.ts";
import { customerEvents, orderEvents } from "./events.ts";
import { fillTopic, freshPrefix, type Place } from "./topic.ts";
import { fillWriteStore, openWriteStore, partitions } from "./write-store.ts";

export interface Filled {
  readonly events: number;
  /** The write database. */
  readonly url: string;
  readonly place: Place;
  drop(): Promise<void>;
}

export async function fill(context: CaseContext, events: number): Promise<Filled> {
  const database = await (await context.postgres()).createDatabase();
  await fillWriteStore(database.url, events);
  const place = { brokers: (await context.kafka()).brokers.join(","), prefix: freshPrefix() };
  const write = await openWriteStore(database.url);
  await fillTopic(place, write.identity("customers"), customerEvents(partitions));
  await fillTopic(place, write.identity("orders"), orderEvents({ events, partitions }));
  await write.close();
  return { events, url: database.url, place, drop: () => database.drop() };
}
