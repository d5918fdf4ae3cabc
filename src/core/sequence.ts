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

/**
 * From events in the order they came, those that are next: p = last + 1 is taken, p <= last is a duplicate and skipped, anything else is a gap.
 * A duplicate of the very last position must be the very same event.
 * @throws LOG_GAP, LOG_DIVERGED
 */
export function takeNext<E extends { readonly position: number; readonly id: string }>(last: Last, events: readonly E[]): E[] {
  const taken: E[] = [];
  let position = last.position;
  let eventId = last.eventId;
  for (const event of events) {
    if (event.position === position + 1) {
      taken.push(event);
      position = event.position;
      eventId = event.id;
    } else if (event.position > position) {
      throw new TidemarkError("LOG_GAP", { log: last.log, partition: last.partition, expected: position + 1, found: event.position });
    } else if (event.position === position && eventId !== null && event.id !== eventId) {
      throw new TidemarkError("LOG_DIVERGED", {
        log: last.log,
        partition: last.partition,
        problem: `partition ${last.partition} holds event ${event.id} at position ${position}, where ${eventId} was read before`,
      });
    }
  }
  return taken;
}
