/** One command on one state: what is to be stored, and the state after it. */
import { TidemarkError } from "../errors.ts";
import type { ExpectedVersion } from "./app.ts";
import type { CheckedCommand } from "./command-job.ts";
import { toJson, toStoredEvents } from "./envelope.ts";
import type { NewStoredEvent } from "./ports.ts";
import type { StreamState } from "./state-cache.ts";

export interface Decided {
  readonly kind: "events" | "rejection" | "none" | "check";
  /** JSON text. */
  readonly answer: string;
  readonly events: readonly NewStoredEvent[];
  /** After the events; the same state where there are none. */
  readonly after: StreamState;
  /** Of kind "check": what the caller gets once append has confirmed the version and that the id is unknown (I6). */
  readonly refusal?: unknown;
  /** If-Match names exactly the version that this was decided on: another one is final. */
  readonly ifMatch: boolean;
}

/** Never throws: a fault becomes a refusal, since the same command may have been answered before. */
export function decide(command: CheckedCommand, current: StreamState, time: string, limitBytes: number): Decided {
  const refuse = (refusal: unknown): Decided => ({ kind: "check", answer: "null", events: [], after: current, refusal, ifMatch: false });
  if (current.fault !== undefined) return refuse(current.fault);
  const mismatch = !meets(command.expected, current.version);
  const refuseVersion = () =>
    refuse(
      new TidemarkError("VERSION_MISMATCH", { stream: command.stream, expected: describe(command.expected), actual: current.version }),
    );
  // a stream that is not there answers by its own rejection first: 404 is more than 412
  if (mismatch && current.version > 0) return refuseVersion();
  try {
    const decision = command.aggregate.decide(current.state, command);
    const ifMatch = command.expected === current.version;
    if ("rejected" in decision) {
      const { rejection, data, detail } = decision.rejected;
      return {
        kind: "rejection",
        answer: toJson({ rejection, data, detail }, `The rejection ${rejection}`),
        events: [],
        after: current,
        ifMatch,
      };
    }
    if (mismatch) return refuseVersion();
    const events = toStoredEvents(command, decision.events, time, limitBytes);
    const version = current.version + events.length;
    return {
      kind: events.length > 0 ? "events" : "none",
      answer: JSON.stringify({ version }),
      events,
      after: { version, state: evolve(command, current.state, events) },
      ifMatch,
    };
  } catch (fault) {
    return refuse(fault);
  }
}

/** Events are folded as decoded from their JSON: warm states are what cold ones will be. */
const evolve = (command: CheckedCommand, state: unknown, events: readonly NewStoredEvent[]): unknown =>
  events.reduce<unknown>(
    (current, event) => command.aggregate.evolve(current, { type: event.type, data: JSON.parse(event.data) as unknown }),
    state,
  );

function meets(expected: ExpectedVersion | undefined, version: number): boolean {
  if (expected === undefined) return true;
  if (expected === "existing") return version > 0;
  return typeof expected === "number" ? expected === version : expected.includes(version);
}

export function describe(expected: ExpectedVersion | undefined): string {
  if (expected === undefined) return "any version";
  if (expected === "existing") return "an existing stream";
  return typeof expected === "number" ? String(expected) : expected.join(" or ");
}
