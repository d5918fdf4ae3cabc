/** How the numbered parts of one piece of work are divided among those who are there. Pure: every member counts by itself and comes to the same. */

/** One process's share of a piece of work. Changes are told by `onChange`. */
export interface Share {
  /** Owned, and not asked back. */
  readonly parts: readonly number[];
  /** Asked back: each to be released as soon as nothing of it is under way. */
  readonly leaving: readonly number[];
  /** One at a time; the last one given counts. */
  onChange(callback: () => void): void;
  /** Says that nothing of a leaving part is under way any more: others may have it from now on. */
  release(part: number): void;
  /** Aborts when all is lost at once, or `stop` aborts. */
  readonly lost: AbortSignal;
}

export interface Member {
  /** Orders members that own equally many; the same for all who count. */
  readonly id: number;
  readonly owns: readonly number[];
}

export interface ShareStep {
  /** To be given back as soon as nothing of it is under way. */
  readonly giveBack: readonly number[];
  /** Free, and within the own share; another member may come first. */
  readonly take: readonly number[];
}

/**
 * What the member `me` has to do next. Shares differ by one at most; the larger ones are of those that own most already, so that little moves.
 * Nobody takes above its share and the shares sum up to `count`, so it comes to rest once members and parts stay as they are.
 */
export function shareStep(count: number, members: readonly Member[], me: number): ShareStep {
  const ranked = members.toSorted((a, b) => b.owns.length - a.owns.length || a.id - b.id);
  const rank = ranked.findIndex(({ id }) => id === me);
  const own = ranked[rank]?.owns ?? [];
  const share = Math.floor(count / ranked.length) + (rank < count % ranked.length ? 1 : 0);
  const owned = new Set(members.flatMap(({ owns }) => owns));
  const free = Array.from({ length: count }, (_, i) => (i + rank * share) % count).filter((part) => !owned.has(part));
  return {
    giveBack: own.toSorted((a, b) => a - b).slice(share),
    take: free.slice(0, Math.max(0, share - own.length)),
  };
}
