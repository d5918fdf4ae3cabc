/** What must hold for a write store after any load (I1, I6). */
import pg from "pg";
import { writeSchema } from "../workload/write-store.ts";

export interface Expected {
  readonly events: number;
  /** Stored answers; undefined: not looked at. */
  readonly commands?: number;
}

/** @throws naming everything that is wrong */
export async function checkWriteStore(url: string, expected: Expected): Promise<void> {
  await checkCounts(
    url,
    {
      "events": "select count(*) from events",
      "partitions whose positions are not 1 to the head's": `select count(*) from
        (select count(*) as n, min(e.position) as low, max(e.position) as high, h.position as head from heads h join events e using (log, partition) group by h.log, h.partition) x
        where not (n = high and low = 1 and head = high)`,
      "heads without the events that they count":
        "select count(*) from heads h where position > 0 and not exists (select from events e where (e.log, e.partition, e.position) = (h.log, h.partition, h.position))",
      "streams whose versions have a gap":
        "select count(*) from (select from events group by log, stream having count(*) <> max(version) or min(version) <> 1) x",
      ...(expected.commands !== undefined && { "stored answers": "select count(*) from commands" }),
    },
    {
      "events": expected.events,
      "partitions whose positions are not 1 to the head's": 0,
      "heads without the events that they count": 0,
      "streams whose versions have a gap": 0,
      ...(expected.commands !== undefined && { "stored answers": expected.commands }),
    },
    writeSchema,
  );
}

/** Each query counts something, and the count must be the one expected. */
export async function checkCounts(
  url: string,
  queries: Readonly<Record<string, string>>,
  expected: Readonly<Record<string, number>>,
  schema = "public",
): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`set search_path to "${schema}"`);
    const wrong: string[] = [];
    for (const [what, query] of Object.entries(queries)) {
      const { rows } = await client.query<{ count: string }>(query);
      if (Number(rows[0]!.count) !== expected[what]) wrong.push(`${rows[0]!.count} ${what}, expected ${expected[what]}`);
    }
    if (wrong.length > 0) throw new Error(`wrong result: ${wrong.join("; ")}`);
  } finally {
    await client.end();
  }
}
