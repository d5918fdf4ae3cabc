/**
 * Writes down in the read database where the logs end, once a second: what tells a query process, which may not look into the
 * write database, how far behind a view is. The one timer of the read side; nothing waits for it.
 */
import type { AnyView } from "../core/definition.ts";
import type { Logger, Transport, ViewStore } from "./ports.ts";
import { pause } from "./wake.ts";

export interface EndsRecorder {
  stop(): Promise<void>;
}

const everyMs = 1_000;

export function endsRecorder({
  transport,
  store,
  views,
  logger,
}: {
  readonly transport: Transport;
  readonly store: ViewStore;
  readonly views: readonly AnyView[];
  readonly logger: Logger;
}): EndsRecorder {
  const stop = new AbortController();
  const logs = [...new Set(views.flatMap((view) => view.logs))];
  const running = (async () => {
    let troubled = false;
    while (!stop.signal.aborted) {
      try {
        const ends = await Promise.all(
          logs.map(async (log) => (await transport.ends(log)).map((position, partition) => ({ log, partition, position }))),
        );
        await store.recordEnds(ends.flat(), views);
        if (troubled) logger.info("the ends of the logs are recorded again");
        troubled = false;
      } catch (error) {
        if (!troubled && !stop.signal.aborted)
          logger.warn("the ends of the logs cannot be recorded; queries will say stale", { problem: String(error) });
        troubled = true;
      }
      await pause(everyMs, stop.signal);
    }
  })();
  return {
    async stop() {
      stop.abort();
      await running;
    },
  };
}
