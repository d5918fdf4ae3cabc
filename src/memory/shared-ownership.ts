/** The parts of a piece of work, shared among the handles of one memory database: at once, whenever somebody comes, goes or gives back. */
import { isTidemarkError } from "../errors.ts";
import { type Member, shareStep } from "../runtime/fair-share.ts";
import type { Share } from "../runtime/ports.ts";

export interface SharedOwnership {
  /** As EventStore.shareOwnership; `dead` aborts when the handle that asks dies. */
  shareOwnership(dead: AbortSignal, name: string, count: number, stop: AbortSignal, run: (share: Share) => Promise<void>): Promise<void>;
  /** As a broken connection does it: the member that came first is told, and what it owned is the others' at once. */
  loseShare(name: string): void;
}

interface Seat {
  readonly id: number;
  /** Of the work, not of what this member owns. */
  readonly count: number;
  readonly parts: Set<number>;
  readonly leaving: Set<number>;
  readonly lost: AbortController;
  changed(): void;
}

export function sharedOwnership(): SharedOwnership {
  const seats = new Map<string, Seat[]>();
  let made = 0;

  const seatsOf = (name: string) => {
    const known = seats.get(name) ?? [];
    seats.set(name, known);
    return known;
  };
  const divide = (name: string) => {
    const all = seatsOf(name);
    const told = new Set<Seat>();
    for (let moved = true; moved;) {
      moved = false;
      for (const seat of all) {
        const members = all.map(({ id, parts, leaving }): Member => ({ id, owns: [...parts, ...leaving] }));
        const { giveBack, take } = shareStep(seat.count, members, seat.id);
        const out = giveBack.filter((part) => seat.parts.has(part)).slice(0, Math.max(0, giveBack.length - seat.leaving.size));
        for (const part of out) {
          seat.parts.delete(part);
          seat.leaving.add(part);
        }
        for (const part of take) seat.parts.add(part);
        if (out.length + take.length > 0) told.add(seat);
        moved ||= take.length > 0;
      }
    }
    for (const seat of told) seat.changed();
  };
  const leave = (name: string, seat: Seat) => {
    const all = seatsOf(name);
    const at = all.indexOf(seat);
    if (at < 0) return;
    all.splice(at, 1);
    divide(name);
  };

  return {
    async shareOwnership(dead, name, count, stop, run) {
      const ending = AbortSignal.any([dead, stop]);
      while (!ending.aborted) {
        const lost = new AbortController();
        const seat: Seat = { id: ++made, count, parts: new Set(), leaving: new Set(), lost, changed: () => undefined };
        const die = () => {
          leave(name, seat);
          lost.abort();
        };
        dead.addEventListener("abort", die, { once: true });
        seatsOf(name).push(seat);
        divide(name);
        try {
          await run({
            get parts() {
              return [...seat.parts].sort((a, b) => a - b);
            },
            get leaving() {
              return [...seat.leaving].sort((a, b) => a - b);
            },
            lost: AbortSignal.any([lost.signal, stop]),
            onChange: (callback) => void (seat.changed = callback),
            release(part) {
              if (seat.leaving.delete(part)) divide(name);
            },
          });
        } catch (error) {
          // what it says because of the loss itself says nothing new
          if (!lost.signal.aborted || !(isTidemarkError(error, "UNAVAILABLE") || isTidemarkError(error, "CLOSED"))) throw error;
        } finally {
          dead.removeEventListener("abort", die);
          leave(name, seat);
        }
        if (!lost.signal.aborted) return;
      }
      // the dead own nothing any more, and do not know it
      if (!stop.aborted) await new Promise<void>((resolve) => stop.addEventListener("abort", () => resolve(), { once: true }));
    },
    loseShare(name) {
      const seat = seatsOf(name)[0];
      if (seat === undefined) return;
      leave(name, seat);
      seat.lost.abort();
    },
  };
}
