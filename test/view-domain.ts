/** Orders and customers for tests of view stores: the definitions and the random logs of the contract suite. */
export * from "../src/testing/contract/domain.ts";
export * from "../src/testing/contract/logs.ts";
