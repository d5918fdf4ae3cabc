/** For tests of explicit interleavings on real PostgreSQL: go on when an operation stands at another one's lock. */
import type { Database } from "../src/postgres/sql.ts";

/** Resolves when each of `operations` has ended or waits for a lock. Asks the server until it is so. */
export async function blockedOrDone(database: Database, operations: readonly Promise<unknown>[]): Promise<void> {
  let pending = operations.length;
  const ended = () => {
    pending -= 1;
  };
  for (const operation of operations) void operation.then(ended, ended);
  for (;;) {
    const { rows } = await database.query<{ blocked: number }>({
      // one that was let go and has not gone on yet still says that it waits, but nobody blocks it
      text: "select count(*)::int as blocked from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and cardinality(pg_blocking_pids(pid)) > 0",
    });
    if (rows[0]!.blocked >= pending) return;
  }
}
