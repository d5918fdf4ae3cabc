/** Work that is bound to a session of its own, such as what its advisory locks allow. */
import { isTidemarkError } from "../errors.ts";
import { pause } from "../runtime/wake.ts";
import type { Connection, Database } from "./sql.ts";

const retryMs = { first: 100, most: 5_000 };

/**
 * Runs `work` on a session of its own, and again on a new one where that was lost (also through outages), until it ends by itself or throws,
 * or `stop` aborts. What it throws because of the loss itself says nothing new. Before `begun` was called an outage is no failure.
 */
export async function onOwnSession(
  database: Database,
  stop: AbortSignal,
  work: (connection: Connection, begun: () => void) => Promise<void>,
): Promise<void> {
  let delayMs = 0;
  while (!stop.aborted) {
    let begun = false;
    try {
      const connection = await database.dedicated();
      try {
        await work(connection, () => (begun = true));
      } catch (error) {
        if (!connection.lost.aborted || !isEcho(error, connection.lost)) throw error;
      } finally {
        await connection.close();
      }
      if (!connection.lost.aborted || stop.aborted) return;
      delayMs = begun ? 0 : delayMs;
    } catch (error) {
      if (begun || !isTidemarkError(error, "UNAVAILABLE")) throw error;
    }
    delayMs = Math.min(Math.max(delayMs * 2, retryMs.first), retryMs.most);
    await pause(delayMs, stop);
  }
}

const isEcho = (error: unknown, lost: AbortSignal): boolean =>
  error === lost.reason || isTidemarkError(error, "UNAVAILABLE") || (error instanceof Error && error.name === "AbortError");
