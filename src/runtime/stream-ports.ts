/** Streams and their snapshots, as the event store gives and takes them. */

/** Events of a stream as loaded for `evolve`. `data` is decoded. */
export interface StreamEvent {
  readonly version: number;
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: unknown;
}

export interface StreamToLoad {
  readonly log: string;
  readonly stream: string;
  /** Of the snapshot that may stand for the first events; none of another reducer is given. Absent: all events. */
  readonly reducer?: string | undefined;
}

export interface LoadedStream {
  readonly version: number;
  /** Id of the event at `version`; none for an absent stream. */
  readonly lastEventId?: string;
  /** State decoded from JSON. Its event was found in the stream: a snapshot ahead of the stream or of another history is not given. */
  readonly snapshot?: { readonly version: number; readonly state: unknown };
  /** Those after the snapshot. */
  readonly events: readonly StreamEvent[];
}

export interface SnapshotRow {
  readonly log: string;
  readonly stream: string;
  readonly version: number;
  /** Id of the event at `version`. */
  readonly eventId: string;
  readonly reducer: string;
  /** JSON text. */
  readonly state: string;
}
