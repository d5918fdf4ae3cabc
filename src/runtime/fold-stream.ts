/** From the events of a stream to its state. */
import type { AnyAggregate } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import type { LoadedStream, StreamEvent } from "./ports.ts";
import type { StreamState } from "./state-cache.ts";

/** Events at or below the start's version are skipped. What cannot be folded becomes the state's fault: an event is never skipped in silence. */
export function foldStream(
  aggregate: AnyAggregate,
  stream: string,
  start: StreamState,
  version: number,
  events: readonly StreamEvent[],
): StreamState {
  if (start.fault !== undefined) return { ...start, version };
  let { state } = start;
  for (const event of events) {
    if (event.version <= start.version) continue;
    if (!aggregate.knows(event.type, event.schemaVersion)) {
      const fault = new TidemarkError("UNKNOWN_EVENT", {
        log: aggregate.name,
        stream,
        type: event.type,
        schemaVersion: event.schemaVersion,
      });
      return { version, state: undefined, fault };
    }
    try {
      state = aggregate.evolve(state, { type: event.type, data: event.data });
    } catch (fault) {
      return { version, state: undefined, fault };
    }
  }
  return { version, state };
}

/** From the snapshot, where the store gave one, else from the first event. */
export const foldLoaded = (aggregate: AnyAggregate, stream: string, { version, snapshot, events }: LoadedStream): StreamState =>
  foldStream(aggregate, stream, snapshot ?? newStream(aggregate), version, events);

export const newStream = (aggregate: AnyAggregate): StreamState => ({ version: 0, state: aggregate.initial });
