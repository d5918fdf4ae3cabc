/**
 * The seams between the logic and what it runs on. Adapters (memory, postgres, kafka) implement these; the runtime knows nothing else of them.
 * Positions are numbers: they count events of one partition and stay far below 2^53.
 */
import type { AnyView, Document } from "../core/definition.ts";
import type { LogEvent } from "../core/message.ts";
import type { TokenPart } from "../core/token.ts";
import type { Share } from "./fair-share.ts";
import type { Condition, FindQuery, FoundPage } from "./find-query.ts";
import type { PartitionLoad } from "./partition-load.ts";
import type { RecentEvents } from "./recent-events.ts";
import type { SearchPage, SearchQuery } from "./search-query.ts";
import type { LoadedStream, SnapshotRow, StreamEvent, StreamToLoad } from "./stream-ports.ts";

// ---- logs -------------------------------------------------------------------------------------------------------

export interface LogIdentity {
  readonly log: string;
  /** uuid; another one is another history. */
  readonly logId: string;
  readonly partitions: number;
}

/** An event as the write store keeps it. `data` and `metadata` are the stored JSON texts, byte for byte. */
export interface StoredEvent {
  readonly log: string;
  readonly partition: number;
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly schemaVersion: number;
  readonly id: string;
  readonly commandId: string;
  readonly data: string;
  readonly metadata: string;
}

// ---- write store ------------------------------------------------------------------------------------------------

export type { LoadedStream, SnapshotRow, StreamEvent, StreamToLoad };

export interface AppendCommand {
  readonly id: string;
  /** Hash of the validated command; another one under the same id is IDEMPOTENCY_KEY_REUSED for the caller to say. */
  readonly fingerprint: string;
  readonly log: string;
  readonly partition: number;
  readonly stream: string;
  /** Version of the state that the first command of this stream in this call started from (the cached state). */
  readonly baseVersion: number;
  /** `baseVersion` + events of earlier commands of the stream in this call. */
  readonly expectedVersion: number;
  /** True for If-Match with exactly one version: a mismatch is final. */
  readonly ifMatch: boolean;
  /** What is stored: events, a rejection, nothing happened (no events); or check only: is the id unknown and the version right. */
  readonly kind: "events" | "rejection" | "none" | "check";
  /** JSON text, given back for a repeat. */
  readonly answer: string;
  readonly events: readonly NewStoredEvent[];
}

export interface NewStoredEvent {
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: string;
  readonly metadata: string;
}

export interface StoredAnswer {
  readonly fingerprint: string;
  readonly log: string;
  readonly partition: number;
  readonly stream: string;
  readonly kind: "events" | "rejection" | "none";
  readonly version: number;
  readonly position: number;
  /** As given to append, parsed. */
  readonly answer: unknown;
}

export type AppendOutcome =
  | { readonly status: "appended"; readonly version: number; readonly position: number }
  | { readonly status: "checked"; readonly version: number; readonly position: number }
  /** `first` is null where the claim was deleted meanwhile: decide again. */
  | { readonly status: "duplicate"; readonly first: StoredAnswer | null }
  /** Decide again. `events`: those after `baseVersion`; null: drop the state and load. */
  | { readonly status: "conflict"; readonly version: number; readonly events: readonly StreamEvent[] | null }
  /** If-Match named another version than the stream's; final. */
  | { readonly status: "mismatch"; readonly version: number };

export interface EventStore {
  /** Creates what is missing, answers all; PARTITIONS_CHANGED where `partitions` is given and differs from the stored number. */
  openLogs(logs: readonly string[], partitions: number | undefined): Promise<readonly LogIdentity[]>;
  /** How many appends may run at a time, each on a connection of its own. A stream always goes by the same lane. */
  readonly lanes: number;
  laneOf(log: string, partition: number): number;
  /**
   * One round trip, one transaction (I1, I6). `lane` is one of its commands' lanes, or of lanes that no other call in flight has commands of: a lane is never in two calls.
   * Outcomes in the order of the commands. A data error fails the call as a whole (the caller bisects).
   * @throws UNAVAILABLE where the outcome is unknown
   */
  append(lane: number, commands: readonly AppendCommand[]): Promise<readonly AppendOutcome[]>;
  /** All streams in one query, in the order asked. Absent streams come with version 0. */
  load(streams: readonly StreamToLoad[]): Promise<readonly LoadedStream[]>;
  /**
   * One statement for all, at most one row a stream. A row is kept only where its event is there and no newer snapshot of the same reducer is. A copy:
   * what is lost here is folded again.
   */
  saveSnapshots(rows: readonly SnapshotRow[]): Promise<void>;
  /**
   * From position `from` inclusive, in position order per partition, one query for all; at most `limit` events per partition.
   * `maxBytes` bounds what all partitions bring together, about; two events of each come in any case, where they are there.
   */
  read(
    log: string,
    from: readonly { readonly partition: number; readonly position: number }[],
    limit: number,
    maxBytes?: number,
  ): Promise<readonly StoredEvent[]>;
  /**
   * As `read`, quicker, for those who keep no text of an event: any part of the answer may hold all of it in memory.
   * `more`: `limit` or `maxBytes` left out events that are there.
   */
  readToPassOn(
    log: string,
    from: readonly { readonly partition: number; readonly position: number }[],
    limit: number,
    maxBytes: number,
  ): Promise<{ readonly events: readonly StoredEvent[]; readonly more: boolean }>;
  /** What this process itself has just committed in the epoch of now, as `readToPassOn` would give it, without asking the store; absent where nothing is kept. */
  readonly recent?: RecentEvents["after"];
  /** The last position of each partition, by partition number. */
  heads(log: string): Promise<readonly number[]>;
  /** What the relay last wrote down (I3: covers topics emptied by retention). */
  relayed(log: string): Promise<readonly { readonly partition: number; readonly position: number; readonly topicId: string }[]>;
  recordRelayed(
    log: string,
    rows: readonly { readonly partition: number; readonly position: number; readonly topicId: string }[],
  ): Promise<void>;
  /** Raised at every lost connection: what was asked in an older epoch fills no cache. */
  readonly epoch: number;
  /** Says which partitions have new events: in process at once, across processes by a coalesced notification. Never throws. */
  announce(log: string, ends: readonly { readonly partition: number; readonly position: number }[]): void;
  /** Calls back after each announcement, `recent` where `recent` has heard of all of it, and once after each reconnect (with nothing: everything may have moved). */
  onAppended(callback: (log: string | undefined, recent: boolean) => void): Promise<Unsubscribe>;
  /**
   * Waits until this process owns `name`, then runs. `signal` in `run` aborts when ownership is lost; aborting `stop` gives it back.
   * A convenience against double work: correctness never depends on it (I2, I3).
   */
  withOwnership(name: string, stop: AbortSignal, run: (lost: AbortSignal) => Promise<void>): Promise<void>;
  /**
   * Shares the parts 0 … `count` - 1 of `name` evenly among all that ask at the same time, in any process; one alone has all.
   * `run` begins when this process takes part, at first without a part, and again after a loss. Otherwise as `withOwnership`.
   */
  shareOwnership(name: string, count: number, stop: AbortSignal, run: (share: Share) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export type { Share };
export type Unsubscribe = () => Promise<void>;

// ---- the copy of a log in Kafka, as the relay writes it -----------------------------------------------------------------

export interface Tail {
  readonly partition: number;
  /** The highest position among the last records (one request's worth); 0 where the topic never held one. */
  readonly position: number;
  readonly eventId: string | null;
  /** True where the partition's end offset is not 0: it held records, also if none can be read any more. */
  readonly everWritten: boolean;
}

export interface LogWriter {
  readonly topicId: string;
  /** The largest record (key + value + headers) that the topic takes, in bytes. */
  readonly maxRecordBytes: number;
  /** Settings of the topic that are weaker than the design asks for, in words for the operator. */
  readonly weaknesses: readonly string[];
  /** @throws LOG_DIVERGED for a record without our headers or of another log id */
  tails(partitions: readonly number[]): Promise<readonly Tail[]>;
  /** Acknowledged by all in-sync replicas, in the order given. At most one in flight per partition. @throws LOG_DIVERGED where the acknowledged offset is not above the last one */
  send(partition: number, events: readonly StoredEvent[]): Promise<void>;
  close(): Promise<void>;
}

// ---- transport: how projections read logs --------------------------------------------------------------------------

/** Where a reader stands. `hint` is the transport's own (a Kafka offset): a hint, never the truth. */
export interface Cursor {
  readonly partition: number;
  readonly position: number;
  readonly eventId: string | null;
  readonly logId: string | null;
  readonly hint: string | null;
}

export interface Batch {
  readonly partition: number;
  /** Next positions after the cursor's, dense (takeNext has been through them). */
  readonly events: readonly LogEvent[];
  /** The cursor after the last of `events`. */
  readonly next: Cursor;
}

export interface LogReader {
  /**
   * Waits until at least one partition has events after its cursor, `maxWaitMs` is over (then []), or `signal` aborts (then []).
   * At most one call at a time. @throws LOG_GAP, LOG_DIVERGED with `details.partition` where one partition alone is concerned
   */
  fetch(
    cursors: readonly Cursor[],
    options: { readonly maxEvents: number; readonly maxWaitMs: number; readonly signal: AbortSignal },
  ): Promise<readonly Batch[]>;
  close(): Promise<void>;
}

export interface Assignment {
  readonly log: string;
  readonly partitions: readonly number[];
}

export interface Transport {
  readonly kind: "kafka" | "events";
  /** Waits until the log is there (topics are made by the relay). `logId` is null where only records tell it. */
  identify(log: string, signal: AbortSignal): Promise<{ readonly partitions: number; readonly logId: string | null }>;
  reader(log: string): Promise<LogReader>;
  /** The last position of each partition by partition number, as the transport knows it now. */
  ends(log: string): Promise<readonly number[]>;
  /** Shares the partitions of `logs` among the members of `group`. The callback gets the whole new assignment of this member each time; it is not awaited by others (the checkpoint's compare-and-set is the fence). */
  join(
    group: string,
    logs: readonly string[],
    onAssigned: (assignments: readonly Assignment[]) => void,
  ): Promise<{ leave(): Promise<void> }>;
  close(): Promise<void>;
}

// ---- view stores ------------------------------------------------------------------------------------------------------

export interface Checkpoint extends Cursor {
  readonly log: string;
}

export interface Generation {
  readonly view: string;
  readonly generation: number;
  readonly declaredVersion: number;
  readonly hash: string;
  /** The kind of store that its documents are in. A view that moved to another kind begins a generation there. */
  readonly store: string;
  /** building: being filled; live: answers queries; previous: was live, still fed for an instant switch back; retired: no longer fed, its tables are gone. */
  readonly state: "building" | "live" | "previous" | "retired";
  readonly createdAt: string;
}

/** A partition that a failing handler stopped. */
export interface Failure {
  readonly log: string;
  readonly partition: number;
  readonly position: number;
  readonly problem: string;
  readonly at: string;
}

/** The end of a log's partition as a projection process last saw it in the transport. */
export interface KnownEnd {
  readonly log: string;
  readonly partition: number;
  readonly position: number;
  /** Milliseconds since it was recorded, by the database's clock. */
  readonly ageMs: number;
}

/** One (view, generation) as a worker feeds it. */
export interface ViewProjection {
  readonly view: AnyView;
  readonly generation: number;
  /** One row for each consumed partition, made at position 0 where missing. `partitions` by log. */
  checkpoints(partitions: ReadonlyMap<string, number>): Promise<readonly Checkpoint[]>;
  checkpoint(log: string, partition: number): Promise<Checkpoint>;
  /**
   * Effect and checkpoint in one transaction (I4), moved by compare-and-set from `from` to `to`.
   * "moved": somebody else moved it, or this generation is no longer fed, or the declared version is another: nothing was written.
   * A failed call may have been stored: read the checkpoint again before anything else. Clears the partition's recorded failure.
   * @throws HANDLER_FAILED with the position of the event that failed; nothing was written
   */
  apply(from: Checkpoint, to: Checkpoint, events: readonly LogEvent[]): Promise<"applied" | "moved">;
  /**
   * A bulk load of one partition from its checkpoint on, for a generation that nobody reads yet. null where this log of this view, or this store, has none: `apply` does it all.
   * `keep`: how much that was written it may keep, to spare reading it again; bytes are those of the documents' JSON, by estimate.
   */
  load?(from: Checkpoint, options: { readonly keep: { readonly documents: number; readonly bytes: number } }): PartitionLoad | null;
  /** The bulk loads are over: makes up for what was put off for them (indexes). `switch` does it too; doing it again costs nothing. */
  loaded?(): Promise<void>;
  /** Writes down that the partition stands still, and why; null takes it back. */
  recordFailure(log: string, partition: number, failure: Failure | null): Promise<void>;
}

export interface StoredDocument {
  readonly document: Document;
  /** Version of the stream at the last event applied to this document; for views keyed by other things the number of events applied to it. */
  readonly version: number;
  /** Time of the latest event applied to this document (references move it not): keyed by stream the one of `version`, whatever writers' clocks said; keyed by other things the latest time. */
  readonly lastUpdated: string;
}

export type { Condition, FindQuery, FoundPage, PartitionLoad, SearchPage, SearchQuery };

export interface ViewStatus {
  readonly view: string;
  /** The kind of store that answered: `generations` has those that other kinds keep too, and none of them can be read here. */
  readonly store: string;
  readonly generations: readonly (Generation & {
    readonly checkpoints: readonly (Checkpoint & { readonly updatedAt: string })[];
    readonly failures: readonly Failure[];
  })[];
  /** Of the logs that the view consumes. */
  readonly ends: readonly KnownEnd[];
  /** By generation: milliseconds since the last moment at which it was known to be caught up with all recorded ends; null: never was. */
  readonly caughtUpAgoMs: ReadonlyMap<number, number>;
}

/** Sent by the checkpoint's commit, in process at once, across processes by a coalesced notification. */
export interface CheckpointMoved {
  readonly view: string;
  readonly generation: number;
  readonly log: string;
  readonly partition: number;
  /** At least this one. */
  readonly position: number;
}

export interface ViewStore {
  readonly name: string;
  /** Creates or checks tables of the store itself. `ddl: false` only checks (SCHEMA_OUTDATED). */
  migrate(options: { readonly ddl: boolean }): Promise<void>;
  /** Throws INVALID_DEFINITION for a view that this store cannot keep, naming the lacking feature. */
  accept(view: AnyView): void;
  /**
   * Makes sure that the view has a generation of its declared version: the first one of a view is live at once,
   * one of a newer declared version is `building`. Answers all that are to be fed by this release (same declared version, not retired);
   * none where a newer release's is live and this one's are retired.
   * A changed hash under the same version is answered as `changed: true`.
   */
  ensure(view: AnyView): Promise<{ readonly generations: readonly Generation[]; readonly changed: boolean }>;
  /** A further generation beside the live one, `building`. */
  create(view: AnyView): Promise<Generation>;
  projection(view: AnyView, generation: number): ViewProjection;
  /** Atomic: `generation` becomes live, the live one previous, an older previous one retired. Refused (REBUILD_REFUSED) unless its checkpoints are at or above the live ones in every partition. */
  switch(view: AnyView, generation: number): Promise<void>;
  /** Drops a generation that is not live. */
  retire(view: AnyView, generation: number): Promise<void>;
  /** The generation that queries of this release read: of its declared version the live one, else the previous one; null: none (yet). */
  current(view: AnyView): Promise<Generation | null>;
  /** `undefined` in the list: no such document. One query for all keys. @throws GENERATION_MOVED */
  get(view: AnyView, generation: number, keys: readonly string[]): Promise<readonly (StoredDocument | undefined)[]>;
  /** @throws GENERATION_MOVED */
  find(view: AnyView, generation: number, query: FindQuery): Promise<FoundPage>;
  /** Of a view that declares `search`; absent where the store has none. @throws GENERATION_MOVED */
  search?(view: AnyView, generation: number, query: SearchQuery): Promise<SearchPage>;
  status(views: readonly AnyView[]): Promise<readonly ViewStatus[]>;
  /** Never goes back for a position; always sets the time. */
  recordEnds(
    ends: readonly { readonly log: string; readonly partition: number; readonly position: number }[],
    views: readonly AnyView[],
  ): Promise<void>;
  /** `undefined`: a reconnect, everything may have moved. */
  onCheckpoint(callback: (moved: CheckpointMoved | undefined) => void): Promise<Unsubscribe>;
  /** Generations were made, switched or retired, by any process. */
  onGenerations(callback: () => void): Promise<Unsubscribe>;
  /** As EventStore.withOwnership, in the read database. */
  withOwnership(name: string, stop: AbortSignal, run: (lost: AbortSignal) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export type { TokenPart };

// ---- around -------------------------------------------------------------------------------------------------------------

export interface Clock {
  now(): Date;
}

/** One line per state change; `fields` are data for machines. Values under keys that look secret are the caller's to leave out. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}
