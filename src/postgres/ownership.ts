/** Who does a piece of work, among processes: a session's advisory lock. A convenience: correctness never depends on it (I2, I3). */
import { isTidemarkError } from "../errors.ts";
import type { Connection, Database } from "./sql.ts";

export type WithOwnership = (name: string, stop: AbortSignal, run: (lost: AbortSignal) => Promise<void>) => Promise<void>;

const retryMs = { first: 100, most: 5_000 };
/** How soon one that waits notices that the owner is gone. */
const askAgainMs = 500;

/**
 * Waits (also through outages) until this process owns `name`, then runs. `lost` aborts when the lock's connection breaks or `stop` aborts;
 * after a loss it waits for its turn again. Ends when `run` ends by itself, when `run` throws, or after `stop`.
 */
export function ownership(database: Database): WithOwnership {
  return database.engine === "pglite" ? inProcess() : byAdvisoryLock(database);
}

function byAdvisoryLock(database: Database): WithOwnership {
  async function once(name: string, stop: AbortSignal, run: (lost: AbortSignal) => Promise<void>): Promise<"lost" | "done"> {
    const connection = await database.dedicated();
    try {
      if (!(await acquire(connection, name, stop))) return "done";
      const lost = AbortSignal.any([connection.lost, stop]);
      try {
        await run(lost);
      } catch (error) {
        if (!connection.lost.aborted || !isEcho(error, lost)) throw error;
      }
      return connection.lost.aborted && !stop.aborted ? "lost" : "done";
    } finally {
      await connection.close();
    }
  }

  return async (name, stop, run) => {
    let delayMs = 0;
    while (!stop.aborted) {
      let started = false;
      try {
        const end = await once(name, stop, (lost) => {
          started = true;
          return run(lost);
        });
        if (end === "done") return;
        delayMs = 0;
      } catch (error) {
        if (started || !isTidemarkError(error, "UNAVAILABLE")) throw error;
      }
      delayMs = Math.min(Math.max(delayMs * 2, retryMs.first), retryMs.most);
      await pause(delayMs, stop);
    }
  };
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

/** What `run` throws because of the loss itself says nothing new. */
const isEcho = (error: unknown, lost: AbortSignal): boolean =>
  error === lost.reason || isTidemarkError(error, "UNAVAILABLE") || (error instanceof Error && error.name === "AbortError");

const pause = (ms: number, stop: AbortSignal) =>
  new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      stop.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    stop.addEventListener("abort", done, { once: true });
  });

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
