/** What a view store keeps, shared by the handles of all "processes". */
import type { AnyView } from "../core/definition.ts";
import type { Checkpoint, CheckpointMoved, Failure, Generation } from "../runtime/ports.ts";
import { ownership, type Ownership } from "./ownership.ts";
import { signalHub, type SignalHub } from "./signal-hub.ts";
import { type Documents, documents } from "./view-documents.ts";

export interface StoredCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly updatedAt: string;
  readonly failure: Failure | null;
}

export interface StoredGeneration {
  readonly about: Generation;
  readonly documents: Documents;
  /** By log and partition; none once it is retired. */
  readonly checkpoints: Map<string, StoredCheckpoint>;
  /** Milliseconds since the epoch; null: never known to be. */
  readonly caughtUpAt: number | null;
}

export interface ReadDatabase {
  migrated: boolean;
  /** By view and generation. */
  readonly generations: Map<string, Map<number, StoredGeneration>>;
  readonly ends: Map<string, { readonly log: string; readonly partition: number; readonly position: number; readonly at: number }>;
  /** Ids of storage in other stores, by view and generation. */
  readonly storage: Map<string, string>;
  readonly checkpointMoved: SignalHub<CheckpointMoved | undefined>;
  readonly generationsChanged: SignalHub<void>;
  readonly ownership: Ownership;
  /** The database's clock, in milliseconds. */
  readonly now: () => number;
  of(view: AnyView): Map<number, StoredGeneration>;
  /** As a notification connection that broke and came back: everything may have moved. */
  reconnect(): void;
}

export const partitionKey = (log: string, partition: number): string => `${log}/${partition}`;

/** @param now the database's clock; the platform's unless given */
export function readDatabase(now: () => number = Date.now): ReadDatabase {
  const generations = new Map<string, Map<number, StoredGeneration>>();
  const checkpointMoved = signalHub<CheckpointMoved | undefined>();
  const generationsChanged = signalHub<void>();
  return {
    migrated: false,
    generations,
    ends: new Map(),
    storage: new Map(),
    checkpointMoved,
    generationsChanged,
    ownership: ownership(),
    now,
    of(view) {
      const known = generations.get(view.name) ?? new Map<number, StoredGeneration>();
      generations.set(view.name, known);
      return known;
    },
    reconnect() {
      checkpointMoved.tell(undefined);
      generationsChanged.tell();
    },
  };
}

/** A new, empty generation. */
export const emptyGeneration = (about: Generation): StoredGeneration => ({
  about,
  documents: documents(),
  checkpoints: new Map(),
  caughtUpAt: null,
});
