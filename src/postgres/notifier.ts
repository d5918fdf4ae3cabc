/** Sends notifications coalesced: one call in flight, the last payload of each key wins, what comes meanwhile goes with the next call. */
import { isTidemarkError } from "../errors.ts";

export interface Notifier {
  notify(channel: string, key: string, payload: string): void;
  /** Sends what waits (once), then sends no more. */
  close(): Promise<void>;
}

/** PostgreSQL refuses payloads of 8,000 bytes and more. */
const maxPayloadBytes = 7_999;
const retryMs = { first: 100, most: 5_000 };

/** `send` throws UNAVAILABLE where the connection failed (tried again); any other error drops the batch: a notification is a hint, never the truth. */
export function notifier(send: (channels: readonly string[], payloads: readonly string[]) => Promise<void>): Notifier {
  let waiting = new Map<string, { channel: string; payload: string }>();
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let delayMs = 0;
  let closed = false;

  async function drain(): Promise<void> {
    while (waiting.size > 0) {
      const batch = waiting;
      waiting = new Map();
      const rows = [...batch.values()];
      try {
        await send(
          rows.map((r) => r.channel),
          rows.map((r) => r.payload),
        );
        delayMs = 0;
      } catch (error) {
        if (!isTidemarkError(error, "UNAVAILABLE") || closed) continue;
        waiting = new Map([...batch, ...waiting]);
        delayMs = Math.min(Math.max(delayMs * 2, retryMs.first), retryMs.most);
        timer = setTimeout(start, delayMs);
        timer.unref();
        return;
      }
    }
  }

  function start(): void {
    timer = undefined;
    if (running !== undefined) return;
    running = drain().finally(() => {
      running = undefined;
      if (waiting.size > 0 && timer === undefined) start();
    });
  }

  return {
    notify(channel, key, payload) {
      if (closed || Buffer.byteLength(payload) > maxPayloadBytes) return;
      waiting.set(`${channel}\u0000${key}`, { channel, payload });
      if (timer === undefined) start();
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      timer = undefined;
      if (waiting.size > 0) start();
      await running;
    },
  };
}
