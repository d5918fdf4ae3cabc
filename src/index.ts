/** What a service is written with: definitions, HTTP, and the service itself. */

// definitions
export { aggregate, eventLog, reference, rollup, view } from "./core/index.ts";
export { avg, count, countBy, day, hour, max, min, month, sum } from "./core/index.ts";
export type { Aggregate, EventLog, DocumentOf, Measure, Metadata, Out, Period, Rollup, Token, View } from "./core/index.ts";

// HTTP
export { command, find, get, http, search } from "./http/index.ts";

// running it
export { run, service } from "./service/index.ts";
export type { App, Service, ServiceOptions, Settings, StartOptions } from "./service/index.ts";

// faults
export { isTidemarkError, TidemarkError } from "./errors.ts";
export type { ErrorCode } from "./errors.ts";
