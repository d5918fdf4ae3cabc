/** Who does a piece of work, among processes: a session's advisory lock. A convenience: correctness never depends on it (I2, I3). */
import { pause } from "../runtime/wake.ts";
import { onOwnSession } from "./own-session.ts";
import type { Connection, Database } from "./sql.ts";

export type WithOwnership = (name: string, stop: AbortSignal, run: (lost: AbortSignal) => Promise<void>) => Promise<void>;

/** How soon one that waits notices that the owner is gone. */
export const askAgainMs = 500;

/**
 * Waits (also through outages) until this process owns `name`, then runs. `lost` aborts when the lock's connection breaks or `stop` aborts;
 * after a loss it waits for its turn again. Ends when `run` ends by itself, when `run` throws, or after `stop`.
 */
export function ownership(database: Database): WithOwnership {
  if (database.engine === "pglite") return inProcess();
  return (name, stop, run) =>
    onOwnSession(database, stop, async (connection, begun) => {
      if (!(await acquire(connection, name, stop))) return;
      begun();
      await run(AbortSignal.any([connection.lost, stop]));
    });
}

/** Asks until it gets it. A blocking call would hold a snapshot all the while, and no vacuum could clean what is updated meanwhile. */
async function acquire(connection: Connection, name: string, stop: AbortSignal): Promise<boolean> {
  const either = AbortSignal.any([stop, connection.lost]);
  while (!stop.aborted) {
    const { rows } = await connection.query<{ owned: boolean }>({
      text: "select pg_try_advisory_lock(hashtextextended(current_schema() || '.' || $1, 0)) as owned",
      values: [`own.${name}`],
    });
    if (rows[0]!.owned) return !stop.aborted;
    await pause(askAgainMs, either);
  }
  return false;
}

/** All sessions of PGlite are one, so its advisory locks keep nobody out; and it has one process. */
function inProcess(): WithOwnership {
  const last = new Map<string, Promise<void>>();
  return async (name, stop, run) => {
    const before = last.get(name) ?? Promise.resolve();
    let giveBack = (): void => undefined;
    const mine = new Promise<void>((resolve) => {
      giveBack = resolve;
    });
    last.set(
      name,
      before.then(() => mine),
    );
    try {
      await Promise.race([before, aborted(stop)]);
      if (!stop.aborted) await run(stop);
    } finally {
      giveBack();
    }
  };
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
