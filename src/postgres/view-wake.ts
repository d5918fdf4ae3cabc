/** Tells who waits that a checkpoint moved, or that generations changed: in this process at once, in others by a notification that is never part of the apply. */
import type { CheckpointMoved, Unsubscribe } from "../runtime/ports.ts";
import type { Database } from "./sql.ts";

export interface ViewWake {
  checkpointMoved(moved: CheckpointMoved): void;
  generationsChanged(view: string): void;
  onCheckpoint(callback: (moved: CheckpointMoved | undefined) => void): Promise<Unsubscribe>;
  onGenerations(callback: () => void): Promise<Unsubscribe>;
}

const channels = { checkpoints: "checkpoints", generations: "generations" } as const;

export function viewWake(database: Database): ViewWake {
  const me = crypto.randomUUID();
  const checkpoints = new Set<(moved: CheckpointMoved | undefined) => void>();
  const generations = new Set<() => void>();

  const tellCheckpoints = (moved: CheckpointMoved | undefined): void => {
    for (const callback of [...checkpoints]) callback(moved);
  };
  const tellGenerations = (): void => {
    for (const callback of [...generations]) callback();
  };

  async function subscribe<C>(
    callbacks: Set<C>,
    callback: C,
    channel: string,
    onPayload: (payload: string) => void,
    onReconnect: () => void,
  ): Promise<Unsubscribe> {
    const wrapped = ((...args: unknown[]) => (callback as (...args: unknown[]) => void)(...args)) as C; // the same function twice is two subscriptions
    callbacks.add(wrapped);
    let stop: Unsubscribe;
    try {
      stop = await listenOnce(channel, onPayload, onReconnect);
    } catch (error) {
      callbacks.delete(wrapped);
      throw error;
    }
    return async () => {
      if (callbacks.delete(wrapped)) await stop();
    };
  }

  /** One LISTEN for all callbacks of a channel. */
  const listens = new Map<string, { users: number; stop: Promise<Unsubscribe> }>();
  async function listenOnce(channel: string, onPayload: (payload: string) => void, onReconnect: () => void): Promise<Unsubscribe> {
    let listen = listens.get(channel);
    if (listen === undefined) {
      listen = { users: 0, stop: database.listen(channel, onPayload, onReconnect) };
      listens.set(channel, listen);
    }
    const mine = listen;
    mine.users += 1;
    const leave = (): boolean => {
      mine.users -= 1;
      if (mine.users > 0) return false;
      if (listens.get(channel) === mine) listens.delete(channel);
      return true;
    };
    try {
      const stop = await mine.stop;
      return async () => {
        if (leave()) await stop();
      };
    } catch (error) {
      leave();
      throw error;
    }
  }

  return {
    checkpointMoved(moved) {
      const { view, generation, log, partition, position } = moved;
      tellCheckpoints(moved);
      database.notify(
        channels.checkpoints,
        JSON.stringify([view, generation, log, partition]),
        JSON.stringify([me, view, generation, log, partition, position]),
      );
    },
    generationsChanged(view) {
      tellGenerations();
      database.notify(channels.generations, view, JSON.stringify([me, view]));
    },
    onCheckpoint(callback) {
      const onPayload = (payload: string): void => {
        const [from, view, generation, log, partition, position] = JSON.parse(payload) as [string, string, number, string, number, number];
        if (from !== me) tellCheckpoints({ view, generation, log, partition, position });
      };
      return subscribe(checkpoints, callback, channels.checkpoints, onPayload, () => tellCheckpoints(undefined));
    },
    onGenerations(callback) {
      const onPayload = (payload: string): void => {
        if ((JSON.parse(payload) as [string])[0] !== me) tellGenerations();
      };
      return subscribe(generations, callback, channels.generations, onPayload, tellGenerations);
    },
  };
}
