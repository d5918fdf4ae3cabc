/** Who has new events: in process at once, across processes by a coalesced notification. */
import { randomUUID } from "node:crypto";
import type { EventStore } from "../runtime/ports.ts";
import type { RecentEvents } from "../runtime/recent-events.ts";
import type { Database } from "./sql.ts";

export const appendedChannel = "appended";

type Callback = Parameters<EventStore["onAppended"]>[0];

export function appendedFeed(database: Database, recent: Pick<RecentEvents, "knows">): Pick<EventStore, "announce" | "onAppended"> {
  const callbacks = new Set<Callback>();
  const source = randomUUID();
  let users = 0;
  let listening: Promise<() => Promise<void>> | undefined;
  const tell = (log: string | undefined, known = false): void => {
    for (const callback of callbacks) queueMicrotask(() => callback(log, known));
  };
  const onPayload = (payload: string): void => {
    const split = payload.indexOf(" ");
    if (payload.slice(0, split) !== source) tell(payload.slice(split + 1));
  };
  return {
    announce(log, ends) {
      tell(log, recent.knows(log, ends));
      if (database.engine === "postgres") database.notify(appendedChannel, log, `${source} ${log}`);
    },
    async onAppended(callback) {
      // one entry for each call, also where the same function is given twice
      const own: Callback = (log, known) => callback(log, known);
      callbacks.add(own);
      if (database.engine !== "postgres") return async () => void callbacks.delete(own);
      let unlisten: () => Promise<void>;
      try {
        unlisten = await sharedListen();
      } catch (error) {
        callbacks.delete(own);
        throw error;
      }
      return async () => {
        if (callbacks.delete(own)) await unlisten();
      };
    },
  };

  /** Payloads are told to all callbacks, so only the first of them listens. */
  function sharedListen(): Promise<() => Promise<void>> {
    users++;
    listening ??= database.listen(appendedChannel, onPayload, () => tell(undefined));
    const mine = listening;
    const leave = async (): Promise<void> => {
      if (--users > 0 || listening !== mine) return;
      listening = undefined;
      await (
        await mine
      )();
    };
    return mine.then(
      () => leave,
      (error: unknown) => {
        users--;
        if (listening === mine) listening = undefined;
        throw error;
      },
    );
  }
}
