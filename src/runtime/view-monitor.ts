/**
 * What a query process knows of one view: which generation answers, how far its checkpoints are, where the logs end.
 * Kept by the notifications of checkpoints and generations; asked from the store when it is too old to answer by.
 * Checkpoints only rise here and were really committed, so what this says is covered, is covered.
 */
import type { AnyView } from "../core/definition.ts";
import type { TokenPart } from "../core/token.ts";
import { TidemarkError } from "../errors.ts";
import { currentByStatus } from "./current-generation.ts";
import type { CheckpointMoved, Generation, ViewStatus, ViewStore } from "./ports.ts";

export interface Freshness {
  readonly stale: boolean;
  readonly ageMs: number;
}

export interface ViewMonitor {
  readonly view: AnyView;
  /** The generation that this release reads. Asks the store where nothing is known. @throws UNAVAILABLE where there is none yet */
  generation(): Promise<Generation>;
  /** True where the checkpoints of `generation` cover every part that the view consumes. @throws INVALID_TOKEN */
  covers(generation: number, parts: readonly TokenPart[]): boolean;
  freshness(generation: number): Promise<Freshness>;
  refresh(): Promise<void>;
  /** True where only a refresh can tell whether tokens are covered by it: the log's id is not known yet. */
  moved(moved: CheckpointMoved): boolean;
}

/** Where the logs of this process's own appends end: known at once, before any record of it. */
export type OwnEnds = ReadonlyMap<string, readonly number[]>;

const freshForMs = 1_000;
/** An end that nobody recorded for so long says nothing of now. */
export const recordValidMs = 5_000;

interface Known {
  readonly status: ViewStatus;
  readonly current: Generation | null;
  readonly at: number;
}

/** @param clock milliseconds since the epoch */
export function viewMonitor(view: AnyView, store: ViewStore, ownEnds: OwnEnds, clock: () => number = Date.now): ViewMonitor {
  let known: Known | null = null;
  let refreshing: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  /** By generation, log, partition. */
  const positions = new Map<number, Map<string, number[]>>();
  const caughtUpAt = new Map<number, number>();

  const positionOf = (generation: number, log: string, partition: number): number => positions.get(generation)?.get(log)?.[partition] ?? 0;
  const raise = (generation: number, log: string, partition: number, position: number) => {
    const own = positions.get(generation) ?? new Map<string, number[]>();
    positions.set(generation, own);
    const ofLog = own.get(log) ?? [];
    own.set(log, ofLog);
    ofLog[partition] = Math.max(ofLog[partition] ?? 0, position);
  };
  const isCaughtUp = (generation: number, { status }: Known) =>
    status.ends.every((end) => positionOf(generation, end.log, end.partition) >= end.position);
  /** The moment at which the oldest of the records was taken: so long the view is known to have been caught up. */
  const noteCaughtUp = (generation: number, now: Known) => {
    if (now.status.ends.length === 0 || !isCaughtUp(generation, now)) return;
    const at = now.at - Math.max(...now.status.ends.map((end) => end.ageMs));
    caughtUpAt.set(generation, Math.max(caughtUpAt.get(generation) ?? 0, at));
  };
  const read = async () => {
    // The time before the question: ages and validity err on the side of older.
    const at = clock();
    const [status] = await store.status([view]);
    if (status === undefined) throw new TidemarkError("UNAVAILABLE", { what: `The status of view '${view.name}'` });
    known = { status, current: currentByStatus(view, status), at };
    for (const { generation, checkpoints } of status.generations) {
      for (const c of checkpoints) raise(generation, c.log, c.partition, c.position);
      const ago = status.caughtUpAgoMs.get(generation);
      if (ago !== undefined) caughtUpAt.set(generation, Math.max(caughtUpAt.get(generation) ?? 0, known.at - ago));
      noteCaughtUp(generation, known);
    }
  };
  const begin = () => (refreshing = read().finally(() => (refreshing = null)));
  /** Always a read that begins after the call: one under way may be older than what the caller has heard of. */
  const refresh = () => {
    if (next !== null) return next;
    if (refreshing === null) return begin();
    return (next = refreshing
      .catch(() => {
        // told to those who began it
      })
      .then(() => {
        next = null;
        return begin();
      }));
  };

  return {
    view,
    refresh,
    async generation() {
      if (known?.current == null) await refresh();
      if (known?.current == null)
        throw new TidemarkError("UNAVAILABLE", { what: `The read model '${view.name}' (its tables are not there yet)` });
      return known.current;
    },
    covers(generation, parts) {
      const found = known?.status.generations.find((g) => g.generation === generation);
      if (known !== null && known.current?.generation !== generation && (found === undefined || found.state === "retired")) {
        throw new TidemarkError("GENERATION_MOVED", { view: view.name, generation });
      }
      const checkpoints = found?.checkpoints ?? [];
      return parts
        .filter((part) => view.logs.includes(part.log))
        .map((part) => {
          const ofLog = checkpoints.filter((c) => c.log === part.log);
          const logId = ofLog.find((c) => c.logId !== null)?.logId ?? null;
          if (logId !== null && logId !== part.logId)
            throw new TidemarkError("INVALID_TOKEN", { problem: `log '${part.log}' is another one now` });
          if (ofLog.length > 0 && part.partition >= ofLog.length)
            throw new TidemarkError("INVALID_TOKEN", { problem: `log '${part.log}' has no partition ${part.partition}` });
          // Positions of a log whose id is not known yet may be those of another history.
          if (logId === null && part.position > 0) return false;
          return positionOf(generation, part.log, part.partition) >= part.position;
        })
        .every(Boolean);
    },
    async freshness(generation) {
      if (known === null || clock() - known.at > freshForMs) await refresh();
      const now = known!;
      noteCaughtUp(generation, now);
      const elapsed = clock() - now.at;
      const unknown =
        !view.logs.every((log) => now.status.ends.some((end) => end.log === log)) ||
        now.status.ends.some((end) => end.ageMs + elapsed > recordValidMs);
      const behindOwn = view.logs.some((log) =>
        (ownEnds.get(log) ?? []).some((end, partition) => positionOf(generation, log, partition) < end),
      );
      const since =
        caughtUpAt.get(generation) ??
        Date.parse(now.status.generations.find((g) => g.generation === generation)?.createdAt ?? new Date(clock()).toISOString());
      return { stale: unknown || behindOwn || !isCaughtUp(generation, now), ageMs: Math.max(0, clock() - since) };
    },
    moved({ generation, log, partition, position }) {
      raise(generation, log, partition, position);
      const found = known?.status.generations.find((g) => g.generation === generation);
      return !found?.checkpoints.some((c) => c.log === log && c.logId !== null);
    },
  };
}
