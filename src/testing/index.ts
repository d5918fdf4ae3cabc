/** The testing kit: given, when, then for definitions. */
export { spec } from "./spec.ts";
export { at, stream, type StreamHistory, type TimedEvent } from "./history.ts";
export type { AggregateOutcome, AggregateSpec } from "./aggregate-spec.ts";
export type { ViewSpec, ViewSpecOptions } from "./view-spec.ts";
