/** What a store may lack. Everything else of the contract every store keeps. */

/** Each with what it means. */
export const features = {
  sharedKeys: "documents whose key is fed from several partitions",
  references: "copies of another log's documents, moved on when those change",
  find: "filters, orders and pages",
  search: "full text with filters and facets",
  rollups: "groups that are counted, summed and averaged",
  prefixes: "two services on one server that do not see each other",
  lostStorage: "storage that was lost or exchanged under its checkpoints is refused by name",
  crashes: "the suite can stop the store between any two of its steps",
} as const;

export type Feature = keyof typeof features;

/** Why a feature is not there: shown by the suite. */
export interface Lacking {
  readonly lacks: string;
}

/** Every feature is named: nothing is left out by forgetting it. */
export type Features = Readonly<Record<Feature, true | Lacking>>;

export const lacks = (reason: string): Lacking => ({ lacks: reason });

/** All of them, but for those named. */
export const allFeatures = (but: Partial<Features> = {}): Features =>
  ({ ...Object.fromEntries(Object.keys(features).map((feature) => [feature, true])), ...but }) as Features;
