/**
 * Named points of the memory adapters at which a test or a simulation may step in: fail an operation before it has an effect,
 * fail it after (an unknown outcome), hold it, or lose a notification.
 */
import type { LogEvent } from "../core/message.ts";
import { TidemarkError } from "../errors.ts";
import type { Cut } from "../runtime/command-ports.ts";
import type { DocumentRow } from "../runtime/document-store.ts";
import type { AppendCommand, Checkpoint, Cursor, SnapshotRow, StoredEvent } from "../runtime/ports.ts";

/** What a hook gets, by the name of its point. */
export interface FaultPoints {
  readonly openLogs: { readonly logs: readonly string[] };
  readonly append: { readonly lane: number; readonly commands: readonly AppendCommand[] };
  readonly load: object;
  readonly saveSnapshots: { readonly rows: readonly SnapshotRow[] };
  readonly read: { readonly log: string; readonly from: readonly { readonly partition: number; readonly position: number }[] };
  readonly heads: { readonly log: string };
  readonly relayed: { readonly log: string };
  readonly recordRelayed: { readonly log: string };
  readonly openWriter: { readonly log: string };
  readonly tails: { readonly log: string; readonly partitions: readonly number[] };
  readonly send: { readonly log: string; readonly partition: number; readonly events: readonly StoredEvent[] };
  readonly identify: { readonly log: string };
  readonly ends: { readonly log: string };
  /** Each look of a waiting fetch. */
  readonly fetch: { readonly log: string; readonly cursors: readonly Cursor[] };
  readonly ensure: { readonly view: string };
  readonly create: { readonly view: string };
  readonly switch: { readonly view: string; readonly generation: number };
  readonly retire: { readonly view: string; readonly generation: number };
  readonly current: { readonly view: string };
  readonly checkpoints: { readonly view: string; readonly generation: number };
  readonly checkpoint: { readonly view: string; readonly generation: number; readonly log: string; readonly partition: number };
  readonly apply: {
    readonly view: string;
    readonly generation: number;
    readonly from: Checkpoint;
    readonly to: Checkpoint;
    readonly events: readonly LogEvent[];
  };
  readonly move: { readonly view: string; readonly generation: number; readonly from: Checkpoint; readonly to: Checkpoint };
  readonly bind: { readonly view: string; readonly generation: number };
  /** Of a document store; `of`: the view whose rows they are. */
  readonly readRows: { readonly of: string; readonly keys: readonly string[] };
  readonly writeRows: { readonly of: string; readonly rows: readonly DocumentRow[] };
  readonly referring: { readonly field: string; readonly key: string };
  readonly visible: { readonly view: string; readonly generation: number };
  readonly recordFailure: { readonly view: string; readonly generation: number; readonly log: string; readonly partition: number };
  readonly get: { readonly view: string; readonly generation: number; readonly keys: readonly string[] };
  readonly find: { readonly view: string; readonly generation: number };
  readonly status: { readonly views: readonly string[] };
  readonly recordEnds: object;
  readonly sendCommand: { readonly log: string };
  /** Each look of a waiting read. */
  readonly readCommands: { readonly log: string; readonly partition: number; readonly offset: number };
  readonly commandBounds: { readonly log: string };
  readonly commandWaits: { readonly log: string };
  readonly replyCommands: { readonly log: string };
  readonly commandPosition: { readonly log: string };
  readonly appendCommands: { readonly cut: Cut; readonly commands: readonly AppendCommand[] };
  readonly knownCommands: object;
}

export type FaultPoint = keyof FaultPoints;
export type Notification = "appended" | "checkpoint" | "generations";

export type Hook<P extends FaultPoint> = (details: FaultPoints[P]) => void | Promise<void>;

/** An operation that was stopped at its point. */
export interface Held<P extends FaultPoint> {
  /** Resolves when an operation has come to the point. */
  readonly reached: Promise<FaultPoints[P]>;
  /** Lets it go on, or fail. */
  release(error?: Error): void;
}

export interface Faults {
  /** What the hook throws is what the operation throws; nothing was done. Returns the removal of the hook. */
  before<P extends FaultPoint>(point: P, hook: Hook<P>): () => void;
  /** The operation is done; what the hook throws is thrown in place of its answer. */
  after<P extends FaultPoint>(point: P, hook: Hook<P>): () => void;
  /** Fails the next `times` operations that match, with UNAVAILABLE unless `error` is given. */
  fail<P extends FaultPoint>(
    point: P,
    options?: {
      readonly when?: "before" | "after";
      readonly times?: number;
      readonly error?: Error;
      readonly matches?: (details: FaultPoints[P]) => boolean;
    },
  ): () => void;
  /** Stops the next operation that matches, before it has an effect. */
  hold<P extends FaultPoint>(point: P, matches?: (details: FaultPoints[P]) => boolean): Held<P>;
  /** The next `times` notifications of this kind reach nobody. */
  lose(notification: Notification, times?: number): () => void;
  /** For the adapters: runs `work` between the hooks of its point. */
  around<P extends FaultPoint, T>(point: P, details: FaultPoints[P], work: () => T): Promise<T>;
  /** For the adapters: true where this notification is to be dropped. */
  loses(notification: Notification): boolean;
}

interface Entry {
  readonly point: FaultPoint;
  readonly when: "before" | "after";
  readonly hook: (details: never) => void | Promise<void>;
}

export function faults(): Faults {
  const entries = new Set<Entry>();
  const losses = new Set<{ readonly notification: Notification; left: number }>();

  const add = (entry: Entry) => {
    entries.add(entry);
    return () => void entries.delete(entry);
  };
  const run = async (when: Entry["when"], point: FaultPoint, details: unknown) => {
    for (const entry of [...entries]) if (entry.point === point && entry.when === when) await entry.hook(details as never);
  };

  return {
    before: (point, hook) => add({ point, when: "before", hook }),
    after: (point, hook) => add({ point, when: "after", hook }),
    fail(point, { when = "before", times = 1, error, matches = () => true } = {}) {
      let left = times;
      const remove = add({
        point,
        when,
        hook: (details) => {
          if (left === 0 || !matches(details)) return;
          left -= 1;
          if (left === 0) remove();
          throw error ?? new TidemarkError("UNAVAILABLE", { what: `The memory store (injected fault of ${point})` });
        },
      });
      return remove;
    },
    hold(point, matches = () => true) {
      const reached = Promise.withResolvers<FaultPoints[typeof point]>();
      const going = Promise.withResolvers<void>();
      const remove = add({
        point,
        when: "before",
        hook: (details) => {
          if (!matches(details)) return undefined;
          remove();
          reached.resolve(details);
          return going.promise;
        },
      });
      return { reached: reached.promise, release: (error) => (error === undefined ? going.resolve() : going.reject(error)) };
    },
    lose(notification, times = 1) {
      const loss = { notification, left: times };
      losses.add(loss);
      return () => void losses.delete(loss);
    },
    async around(point, details, work) {
      await run("before", point, details);
      const result = work();
      await run("after", point, details);
      return result;
    },
    loses(notification) {
      for (const loss of losses) {
        if (loss.notification !== notification || loss.left === 0) continue;
        loss.left -= 1;
        return true;
      }
      return false;
    },
  };
}
