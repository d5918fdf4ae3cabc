/** The contract of view stores as test cases, for whoever writes one: every store of this package passes the same. */
import { acceptanceCases } from "./contract/acceptance.ts";
import { batchCases } from "./contract/batches.ts";
import { crashCases } from "./contract/crashes.ts";
import { findCases } from "./contract/find.ts";
import { generationCases } from "./contract/generations.ts";
import { rollupCases } from "./contract/rollups.ts";
import { searchCases } from "./contract/search.ts";
import { statusCases } from "./contract/status.ts";
import { valueCases } from "./contract/values.ts";
import type { ContractOptions } from "./contract/world.ts";
import { zombieCases } from "./contract/zombies.ts";

export { allFeatures, type Feature, type Features, lacks, type Lacking } from "./contract/features.ts";
export type { Steps } from "./contract/steps.ts";
export type { ContractOptions, ContractWorld } from "./contract/world.ts";

/**
 * Registers the cases with `node:test`, in groups; each group opens a world and closes it. What a store lacks is named with its reason in a case of its own, and
 * views that need it must be refused by `accept`.
 * @example
 * viewStoreContract("MyStore", { open: openWorld, features: allFeatures({ search: lacks("it has no text index") }) });
 */
export function viewStoreContract(name: string, { open, features, rounds = 3, seed = 1 }: ContractOptions): void {
  const suite = { name, open, features, rounds, seed };
  acceptanceCases(suite);
  batchCases(suite);
  valueCases(suite);
  crashCases(suite);
  zombieCases(suite);
  generationCases(suite);
  statusCases(suite);
  findCases(suite);
  searchCases(suite);
  rollupCases(suite);
}
