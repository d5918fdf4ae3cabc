/**
 * What a store without transactions must be able to do to keep views (I4): rows by key, each written by itself and only over the edition that was read.
 * Everything else (folding, references, checkpoints, generations) is the same for all of them and stands in document-*.ts.
 */
import type { AnyView, Document } from "../core/definition.ts";
import type { FindQuery, FoundPage } from "./find-query.ts";
import type { StoredDocument } from "./ports.ts";
import type { SearchPage, SearchQuery } from "./search-query.ts";

/** One key of a generation, as it is written. */
export interface DocumentRow {
  readonly key: string;
  /** With the copied fields. null: deleted; the row stays as a hidden tombstone until its generation is retired, for what it has seen. */
  readonly document: Document | null;
  /** As in `StoredDocument`; 0 and "" where a document keyed by stream is deleted. */
  readonly version: number;
  readonly lastUpdated: string;
  /** By `<log>/<partition>`: the last position that concerned this key and is folded into it. */
  readonly seen: Readonly<Record<string, number>>;
  /** By referring field: the edition of the referenced row (0: none) that the copied fields were made from. */
  readonly copied: Readonly<Record<string, number>>;
  /** 1, 2, 3 …: counts the writes of this row. */
  readonly edition: number;
}

/** A store's answer for each row of a write, by index. */
export type WriteOutcome =
  | "written"
  /** Another edition is stored: read again. */
  | "lost"
  /** The store will never take this document: the event that made it is at fault. */
  | { readonly refused: string };

/** The rows of one view of one generation: its own documents, or the private copies of a view that it refers to. */
export interface DocumentRows {
  /** A row that is written over one that went with its storage is "lost", or the write fails: so what a worker itself has stored need not be read before. */
  readonly noticesLoss?: true;
  /**
   * The latest acknowledged rows, whoever wrote them, tombstones too; keys that have none are left out.
   * @throws UNAVAILABLE; VIEW_STORE_DIVERGED where the storage is not there (retired, or lost): that a private copy of a reference is missing must not look like one that never was
   */
  read(keys: readonly string[]): Promise<ReadonlyMap<string, DocumentRow>>;
  /**
   * Each row by itself, where the stored edition is `edition - 1` (1: where there is none). Durable (on a majority) when answered; keys are distinct.
   * Stores without conditional writes order rows of a key by what they have seen instead, so that a late one of an old worker changes nothing.
   * @throws UNAVAILABLE where the outcome of any row is unknown; VIEW_STORE_DIVERGED where the store can tell that the storage is not there (retired, or lost)
   */
  write(rows: readonly DocumentRow[]): Promise<readonly WriteOutcome[]>;
  /** Documents whose `field` holds `key` and whose copies are of an edition older than `edition`: at most `limit`. Sees all acknowledged writes. */
  referring?(field: string, key: string, edition: number, limit: number): Promise<readonly DocumentRow[]>;
}

/** One generation of one view. */
export interface DocumentGeneration {
  /**
   * Creates what is missing (collections, indexes, tables) and answers the id that the storage was given when it was made, joined with those of the private copies (`joinedId`).
   * Doing it again costs little. Another id than before: some of the storage was lost, or another one was put in its place.
   * `mayCreate` false, for a generation that has storage already: nothing is made, and null is answered where some of it is not there. What was lost is not made anew under those who still write.
   */
  prepare(mayCreate?: boolean): Promise<string | null>;
  readonly own: DocumentRows;
  /** By name of the referenced view. */
  readonly referenced: ReadonlyMap<string, DocumentRows>;
  /** Resolves when everything acknowledged is found by queries. */
  visible(): Promise<void>;
  /** `undefined`: no such document. Storage that is not there answers nothing. */
  get(keys: readonly string[]): Promise<readonly (StoredDocument | undefined)[]>;
  find(query: FindQuery): Promise<FoundPage>;
  search?(query: SearchQuery): Promise<SearchPage>;
  /** Also where some of it is gone already. */
  drop(): Promise<void>;
}

/** One id of all that a generation is stored in; null where some of it is not there. */
export const joinedId = (own: string | null, referenced: readonly (string | null)[]): string | null =>
  own === null || referenced.includes(null) ? null : [own, ...referenced].join(" ");

export interface DocumentStore {
  /** The kind of store, such as "mongodb": a generation belongs to one kind. */
  readonly kind: string;
  /** For messages; without passwords. */
  readonly label: string;
  /** @throws INVALID_DEFINITION for a view that it cannot keep, naming the lacking feature */
  accept(view: AnyView): void;
  /** Opens, without asking the store for anything. */
  generation(view: AnyView, generation: number): DocumentGeneration;
  /** Answers when the store does. @throws UNAVAILABLE */
  ping(): Promise<void>;
  close(): Promise<void>;
}
