/** Figures of several rounds, as one. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return sorted.length === 0 ? Number.NaN : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export const summary = (values: readonly number[]): Summary => ({
  median: median(values),
  min: Math.min(...values),
  max: Math.max(...values),
});

/** Of each round's ratio: rounds lie side by side in time, so what slowed a machine down slowed both. */
export function ratio(of: readonly number[], against: readonly number[]): Summary {
  if (of.length !== against.length) throw new Error(`${of.length} rounds cannot be set against ${against.length}`);
  return summary(of.map((value, round) => value / against[round]!));
}

/** The value below which a share of them lies, such as 0.99. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
