/** A seeded source of chance (mulberry32): the same seed asks the same questions in the same order. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** 0 … n - 1. */
  below(n: number): number;
  chance(p: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** By weight. */
  weighted<T extends string>(weights: Readonly<Record<T, number>>): T;
  /** A source of its own, the same for the same name. */
  fork(name: string): Random;
}

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const below = (n: number) => Math.floor(next() * n);
  return {
    next,
    below,
    chance: (p) => next() < p,
    pick: (list) => {
      const item = list[below(list.length)];
      if (item === undefined) throw new Error("pick from an empty list");
      return item;
    },
    weighted: <T extends string>(weights: Readonly<Record<T, number>>) => {
      const entries = Object.entries(weights) as [T, number][];
      let rest = next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [name, weight] of entries) if ((rest -= weight) < 0) return name;
      return entries[0]![0];
    },
    fork: (name) => {
      let hash = seed ^ 0x811c9dc5;
      for (const char of name) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
      return randomOf(hash);
    },
  };
}
