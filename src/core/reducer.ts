/** The reducer of an aggregate: what its snapshots were folded by, and so what they may be read by. */
import { hashOf } from "./hash.ts";
import { jsonFault } from "./json-fault.ts";
import { refuse } from "./names.ts";

/** As given in a definition. */
export interface SnapshotOptions {
  /** A stream's state is stored each time its version passes a multiple of this. */
  readonly every: number;
  /**
   * The reducer's version, 1 unless given. Raise it when states come out otherwise than before: a snapshot of another version is ignored and
   * replaced. A change of `initial` or of the text of an `evolve` handler is seen without it; a change of what handlers only refer to (helper
   * functions, constants, imports, closures) is not: there the version is all that keeps a stale state from being read.
   */
  readonly version?: number;
}

export interface SnapshotRules {
  readonly every: number;
  readonly version: number;
  /** The reducer's identity: its version and the hash of what can be hashed. A snapshot of another one is never read. */
  readonly reducer: string;
}

/** @throws INVALID_DEFINITION */
export function snapshotRules(
  log: string,
  { every, version = 1 }: SnapshotOptions,
  initial: unknown,
  evolve: Readonly<Record<string, unknown>>,
): SnapshotRules {
  if (!Number.isSafeInteger(every) || every < 1) refuse(`Log '${log}': snapshots every ${every} events; give a whole number above 0.`);
  if (!Number.isSafeInteger(version) || version < 1) refuse(`Log '${log}': snapshots of version ${version}; give a whole number above 0.`);
  const fault = jsonFault(initial);
  if (fault !== null)
    refuse(`Log '${log}' keeps snapshots, so its states must be JSON, but 'initial' is not: ${fault.pointer || "it"} ${fault.problem}.`);
  // to the letter: a blank within a text counts, and a new layout costs no more than loads
  const handlers = Object.fromEntries(Object.entries(evolve).map(([type, handler]) => [type, String(handler)]));
  return { every, version, reducer: `${version}-${hashOf({ initial, handlers })}` };
}
