/** The consumer's half of I3: a position is applied only when it is the next one. Pure, so that every reader uses this very check. */
import { TidemarkError } from "../errors.ts";

export interface Last {
  readonly log: string;
  readonly partition: number;
  /** 0 before the first event. */
  readonly position: number;
  /** The id of the event at `position`; null at 0 or where it is not known. */
  readonly eventId: string | null;
}

interface Positioned {
  readonly position: number;
  readonly id: string;
}

/**
 * True for p = last + 1; false for p <= last, a duplicate; anything else is a gap. A duplicate of the very last position must be the very same event.
 * @throws LOG_GAP, LOG_DIVERGED
 */
export function isNext(last: Last, event: Positioned): boolean {
  if (event.position === last.position + 1) return true;
  if (event.position > last.position) {
    throw new TidemarkError("LOG_GAP", {
      log: last.log,
      partition: last.partition,
      expected: last.position + 1,
      found: event.position,
    });
  }
  if (event.position === last.position && last.eventId !== null && event.id !== last.eventId) {
    throw new TidemarkError("LOG_DIVERGED", {
      log: last.log,
      partition: last.partition,
      problem: `partition ${last.partition} holds event ${event.id} at position ${last.position}, where ${last.eventId} was read before`,
    });
  }
  return false;
}

/**
 * From events in the order they came, those that are next; `events` itself where all are.
 * @throws LOG_GAP, LOG_DIVERGED
 */
export function takeNext<E extends Positioned>(last: Last, events: readonly E[]): readonly E[] {
  const at = { log: last.log, partition: last.partition, position: last.position, eventId: last.eventId };
  let taken: E[] | null = null;
  for (let i = 0; i < events.length; i++) {
    const event = events[i]!;
    if (!isNext(at, event)) {
      taken ??= events.slice(0, i);
      continue;
    }
    taken?.push(event);
    at.position = event.position;
    at.eventId = event.id;
  }
  return taken ?? events;
}
