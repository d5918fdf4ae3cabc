/** The workload in a write store and in Kafka, for the rounds of a case. */
import type { Case, CaseContext } from "../benchmark.ts";
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

async function fill(context: CaseContext, events: number): Promise<Filled> {
  const database = await (await context.postgres()).createDatabase();
  await fillWriteStore(database.url, events);
  const place = { brokers: (await context.kafka()).brokers.join(","), prefix: freshPrefix() };
  const write = await openWriteStore(database.url);
  await fillTopic(place, write.identity("customers"), customerEvents(partitions));
  await fillTopic(place, write.identity("orders"), orderEvents({ events, partitions }));
  await write.close();
  return { events, url: database.url, place, drop: () => database.drop() };
}

/** Cases that work on the same histories, by their numbers of events: filled by the first one that runs, dropped after the last. */
export function withFilled(sizes: readonly number[], make: (filled: (events: number) => Filled) => readonly Case[]): Case[] {
  const filled = new Map<number, Filled>();
  const cases = make((events) => filled.get(events)!);
  let left = cases.length;
  return cases.map((each) => ({
    ...each,
    async prepare(context) {
      for (const events of sizes) if (!filled.has(events)) filled.set(events, await fill(context, events));
      return async () => {
        left -= 1;
        if (left === 0) for (const { drop } of filled.values()) await drop();
      };
    },
  }));
}
