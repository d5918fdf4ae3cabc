/**
 * What every read model has, wherever its documents live: generations, checkpoints, the ends of logs, and the wake-ups. It is kept in the read
 * database, which has transactions and notifications; so a checkpoint is a true compare-and-set for stores that have none.
 */
import type { AnyView } from "../core/definition.ts";
import type { ViewProjection, ViewStore } from "./ports.ts";

/** Of one (view, generation). */
export interface CatalogCheckpoints extends Pick<ViewProjection, "checkpoints" | "checkpoint" | "recordFailure"> {
  /** Compare-and-set, as in `ViewProjection.apply`; tells who waits. Clears the partition's recorded failure. */
  move(...step: MoveStep): Promise<"applied" | "moved">;
  /** The id of the storage that is written down; null: none yet, or gone again. */
  storage(): Promise<string | null>;
  /**
   * Writes down which storage (its own id) this generation's documents are in, where none is written down yet; answers the one that is.
   * @throws GENERATION_MOVED where it is retired, or another kind of store keeps it
   */
  bind(storageId: string): Promise<string>;
}

type MoveStep = [from: Parameters<ViewProjection["apply"]>[0], to: Parameters<ViewProjection["apply"]>[1]];

/** The generations of one kind of store. Those that another kind keeps are neither fed nor read nor dropped here. */
export interface ViewCatalog extends Pick<
  ViewStore,
  | "migrate"
  | "ensure"
  | "create"
  | "switch"
  | "current"
  | "status"
  | "recordEnds"
  | "onCheckpoint"
  | "onGenerations"
  | "withOwnership"
  | "close"
> {
  of(view: AnyView, generation: number): CatalogCheckpoints;
  /** Marks it retired and takes its checkpoints away: from then on no apply of it succeeds. */
  retire(view: AnyView, generation: number): Promise<void>;
  /** false: retired, never made, kept by another kind of store, or of another declared version than the view's. */
  isFed(view: AnyView, generation: number): Promise<boolean>;
  /** This store's retired generations of the view whose storage is not known to be dropped. */
  leftovers(view: AnyView): Promise<readonly number[]>;
  /** The storage of a retired generation is gone. */
  dropped(view: AnyView, generation: number): Promise<void>;
}
