/** Who has new events: in process at once, across processes by a coalesced notification. */
import { randomUUID } from "node:crypto";
import type { EventStore } from "../runtime/ports.ts";
import type { Database } from "./sql.ts";

export const appendedChannel = "appended";

export function appendedFeed(database: Database): Pick<EventStore, "announce" | "onAppended"> {
  const callbacks = new Set<(log: string | undefined) => void>();
  const source = randomUUID();
  let users = 0;
  let listening: Promise<() => Promise<void>> | undefined;
  const tell = (log: string | undefined): void => {
    for (const callback of callbacks) queueMicrotask(() => callback(log));
  };
  const onPayload = (payload: string): void => {
    const split = payload.indexOf(" ");
    if (payload.slice(0, split) !== source) tell(payload.slice(split + 1));
  };
  return {
    announce(log) {
      tell(log);
      if (database.engine === "postgres") database.notify(appendedChannel, log, `${source} ${log}`);
    },
    async onAppended(callback) {
      // one entry for each call, also where the same function is given twice
      const own = (log: string | undefined): void => callback(log);
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
