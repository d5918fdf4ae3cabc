/** Who does a piece of work, among processes: a session's advisory lock. A convenience: correctness never depends on it (I2, I3). */
import { isTidemarkError } from "../errors.ts";
import type { Database } from "./sql.ts";

export type WithOwnership = (name: string, stop: AbortSignal, run: (lost: AbortSignal) => Promise<void>) => Promise<void>;

const retryMs = { first: 100, most: 5_000 };

/**
 * Waits (without polling, also through outages) until this process owns `name`, then runs. `lost` aborts when the lock's connection breaks or `stop` aborts;
 * after a loss it waits for its turn again. Ends when `run` ends by itself, when `run` throws, or after `stop`.
 */
export function ownership(database: Database): WithOwnership {
  return database.engine === "pglite" ? inProcess() : byAdvisoryLock(database);
}

function byAdvisoryLock(database: Database): WithOwnership {
  async function once(name: string, stop: AbortSignal, run: (lost: AbortSignal) => Promise<void>): Promise<"lost" | "done"> {
    const connection = await database.dedicated();
    try {
      if (!(await acquire(database, connection, name, stop))) return "done";
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

async function acquire(
  database: Database,
  connection: Awaited<ReturnType<Database["dedicated"]>>,
  name: string,
  stop: AbortSignal,
): Promise<boolean> {
  const { rows } = await connection.query<{ pid: number }>({ text: "select pg_backend_pid() as pid" });
  if (stop.aborted) return false;
  let cancelled: Promise<unknown> = Promise.resolve();
  const cancel = () => {
    // where this fails the connection that waits is failing too
    cancelled = database.query({ text: "select pg_cancel_backend($1)", values: [rows[0]!.pid] }).catch((error: unknown) => error);
  };
  stop.addEventListener("abort", cancel, { once: true });
  try {
    await connection.query({
      text: "select pg_advisory_lock(hashtextextended(current_schema() || '.' || $1, 0))",
      values: [`own.${name}`],
    });
  } catch (error) {
    if (stop.aborted) return false;
    throw error;
  } finally {
    stop.removeEventListener("abort", cancel);
    await cancelled;
  }
  return !stop.aborted;
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
