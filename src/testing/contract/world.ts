/** What the suite is given: one storage, and any number of "processes" on it. */
import type { ViewStore } from "../../runtime/ports.ts";
import type { Features } from "./features.ts";
import type { Steps } from "./steps.ts";

export interface ContractWorld {
  /**
   * Another process on the same storage: a store with connections of its own, already migrated. The suite closes it; that leaves the storage as it is.
   * `steps`: the store tells each of its steps before and after it is done (feature `crashes`), by wrapping what it is made of: `steps.documents(…)`, `steps.catalog(…)`,
   * or `steps.around(…)` by hand.
   */
  store(steps?: Steps): Promise<ViewStore>;
  /** Feature `prefixes`: a store of another service, with a catalogue of its own, on the same server. */
  neighbour?(): Promise<ViewStore>;
  /** Feature `lostStorage`: every document is gone, and what they were in; generations and checkpoints are still there. */
  loseStorage?(): Promise<void>;
  /** Drops the storage, after all stores of it are closed. */
  close(): Promise<void>;
}

export interface ContractOptions {
  /** A fresh world; one for each group of cases. */
  open(): Promise<ContractWorld>;
  readonly features: Features;
  /** How many random histories each random case runs; 3 unless given. */
  readonly rounds?: number;
  /** Of the random histories; 1 unless given. Failing cases name theirs. */
  readonly seed?: number;
}

/** What the cases are made with. */
export interface Suite extends Required<ContractOptions> {
  readonly name: string;
}
