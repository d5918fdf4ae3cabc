/** LISTEN for all channels of a database on one connection that comes back by itself. */

export interface ListenConnection {
  listen(channel: string): Promise<void>;
  unlisten(channel: string): Promise<void>;
  readonly lost: AbortSignal;
  close(): Promise<void>;
}

export interface Listener {
  listen(channel: string, onPayload: (payload: string) => void, onReconnect: () => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

interface Subscription {
  readonly onPayload: (payload: string) => void;
  readonly onReconnect: () => void;
}

const retryMs = { first: 50, most: 5_000 };

/** The first connection is the first caller's: it gets the error. Later ones are tried until they succeed. */
export function listener(open: (onNotification: (channel: string, payload: string) => void) => Promise<ListenConnection>): Listener {
  const channels = new Map<string, Set<Subscription>>();
  let connection: Promise<ListenConnection> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const onNotification = (channel: string, payload: string): void => {
    for (const subscription of channels.get(channel) ?? []) subscription.onPayload(payload);
  };

  async function connect(): Promise<ListenConnection> {
    const opened = await open(onNotification);
    try {
      for (const channel of channels.keys()) await opened.listen(channel);
    } catch (error) {
      await opened.close();
      throw error;
    }
    if (opened.lost.aborted) throw opened.lost.reason;
    opened.lost.addEventListener("abort", () => reconnect(0), { once: true });
    return opened;
  }

  function reconnect(delayMs: number): void {
    if (closed) return;
    connection = undefined;
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = undefined;
      const attempt = connect();
      connection = attempt;
      attempt.then(
        () => {
          for (const subscriptions of channels.values()) for (const subscription of subscriptions) subscription.onReconnect();
        },
        () => {
          if (connection === attempt) reconnect(Math.min(Math.max(delayMs * 2, retryMs.first), retryMs.most));
        },
      );
    }, delayMs);
    timer.unref();
  }

  return {
    async listen(channel, onPayload, onReconnect) {
      const subscription = { onPayload, onReconnect };
      const known = channels.get(channel);
      if (known !== undefined) known.add(subscription);
      else channels.set(channel, new Set([subscription]));
      try {
        if (connection === undefined && timer === undefined) connection = connect();
        const opened = await connection;
        // a reconnect that is under way listens to all known channels itself
        if (known === undefined && opened !== undefined && !opened.lost.aborted) await opened.listen(channel);
      } catch (error) {
        channels.get(channel)?.delete(subscription);
        if (channels.get(channel)?.size === 0) channels.delete(channel);
        if (channels.size === 0) {
          clearTimeout(timer);
          timer = undefined;
          connection = undefined;
        }
        throw error;
      }
      return async () => {
        const subscriptions = channels.get(channel);
        if (subscriptions === undefined || !subscriptions.delete(subscription) || subscriptions.size > 0) return;
        channels.delete(channel);
        const opened = await connection?.catch(() => undefined);
        // a connection that breaks now has forgotten the channel anyway
        if (opened !== undefined && !opened.lost.aborted) await opened.unlisten(channel).catch(() => undefined);
      };
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      const opened = await connection?.catch(() => undefined);
      await opened?.close();
    },
  };
}
