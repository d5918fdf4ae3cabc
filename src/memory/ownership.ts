/** Who does a piece of work, among the handles of one memory database: first come, first served, and given up when its holder dies. */
import { isTidemarkError } from "../errors.ts";

export interface Ownership {
  /** As EventStore.withOwnership; `holder` is the handle that asks, `dead` aborts when it dies. */
  withOwnership(dead: AbortSignal, name: string, stop: AbortSignal, run: (lost: AbortSignal) => Promise<void>): Promise<void>;
  /** As a broken connection does it: the owner is told, and the next in turn owns it at once. */
  lose(name: string): void;
}

interface Turn {
  readonly lost: AbortController;
  readonly begin: () => void;
}

export function ownership(): Ownership {
  /** The first one of a queue is the owner. */
  const queues = new Map<string, Turn[]>();

  const queueOf = (name: string) => {
    const known = queues.get(name) ?? [];
    queues.set(name, known);
    return known;
  };
  const leave = (name: string, turn: Turn) => {
    const queue = queueOf(name);
    const at = queue.indexOf(turn);
    if (at < 0) return;
    queue.splice(at, 1);
    if (at === 0) queue[0]?.begin();
  };
  /** Resolves false where `ending` aborts first. */
  const take = async (name: string, ending: AbortSignal): Promise<Turn | null> => {
    const mine = Promise.withResolvers<void>();
    const turn: Turn = { lost: new AbortController(), begin: mine.resolve };
    const queue = queueOf(name);
    queue.push(turn);
    if (queue[0] === turn) turn.begin();
    const ended = () => mine.resolve();
    ending.addEventListener("abort", ended, { once: true });
    await mine.promise;
    ending.removeEventListener("abort", ended);
    if (!ending.aborted) return turn;
    leave(name, turn);
    return null;
  };

  return {
    async withOwnership(dead, name, stop, run) {
      const ending = AbortSignal.any([dead, stop]);
      while (!ending.aborted) {
        const turn = await take(name, ending);
        if (turn === null) return;
        const die = () => {
          leave(name, turn);
          turn.lost.abort();
        };
        dead.addEventListener("abort", die, { once: true });
        try {
          await run(AbortSignal.any([turn.lost.signal, stop]));
        } catch (error) {
          // what it says because of the loss itself says nothing new
          if (!turn.lost.signal.aborted || !(isTidemarkError(error, "UNAVAILABLE") || isTidemarkError(error, "CLOSED"))) throw error;
        } finally {
          dead.removeEventListener("abort", die);
          leave(name, turn);
        }
        if (!turn.lost.signal.aborted) return;
      }
      // the dead own nothing any more, and do not know it
      if (!stop.aborted) await new Promise<void>((resolve) => stop.addEventListener("abort", () => resolve(), { once: true }));
    },
    lose(name) {
      const owner = queueOf(name)[0];
      if (owner === undefined) return;
      leave(name, owner);
      owner.lost.abort();
    },
  };
}
