/** The testing kit: given, when, then for definitions and for a service's HTTP API. */
export { spec } from "./spec.ts";
export { at, stream, type StreamHistory, type TimedEvent } from "./history.ts";
export type { AggregateOutcome, AggregateSpec } from "./aggregate-spec.ts";
export type { ViewSpec, ViewSpecOptions } from "./view-spec.ts";
export type { HttpExpectation } from "./http-expectation.ts";
export type { HttpCase, HttpOutcome, HttpSpec, HttpSpecOptions, HttpSpecRequest } from "./http-spec.ts";
export { testApp, type TestApp, type TestAppOptions } from "./test-app.ts";
export type { TestAnswer, TestRequest } from "./test-request.ts";
export {
  allFeatures,
  type ContractOptions,
  type ContractWorld,
  type Feature,
  type Features,
  lacks,
  type Lacking,
  type Steps,
  viewStoreContract,
} from "./view-store-contract.ts";
