/** Exact decimal numbers: sums of them depend on no order, and taking back what was added leaves nothing behind. */

/** `digits` × 10^-`scale`. */
export interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

export const zero: Decimal = { digits: 0n, scale: 0 };

/** The decimal number that JSON writes for `value`. @throws RangeError for what is not finite */
export function decimalOf(value: number): Decimal {
  if (!Number.isFinite(value)) throw new RangeError(`${value} is no finite number`);
  if (Number.isSafeInteger(value)) return { digits: BigInt(value), scale: 0 };
  const [mantissa = "", exponent = "0"] = String(value).split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const scale = fraction.length - Number(exponent);
  const digits = BigInt(whole + fraction);
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 };
}

const digitsAt = ({ digits, scale }: Decimal, to: number): bigint => digits * 10n ** BigInt(to - scale);

export function plus(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { digits: digitsAt(a, scale) + digitsAt(b, scale), scale };
}

export const negated = ({ digits, scale }: Decimal): Decimal => ({ digits: -digits, scale });

/** All digits, such as "-12.5"; no exponent, no zeros at the end of a fraction. */
export function decimalText({ digits, scale }: Decimal): string {
  const text = fixedText(digits, scale);
  return scale === 0 ? text : text.replace(/\.?0+$/, "");
}

/** `sum` / `count` with exactly so many digits behind the point, a half rounded away from zero, such as "12.50". */
export function averageText(sum: Decimal, count: number, places: number): string {
  const scale = Math.max(sum.scale, places);
  const numerator = digitsAt(sum, scale);
  const denominator = BigInt(count) * 10n ** BigInt(scale - places);
  const size = numerator < 0n ? -numerator : numerator;
  const rounded = (2n * size + denominator) / (2n * denominator);
  return fixedText(numerator < 0n ? -rounded : rounded, places);
}

function fixedText(digits: bigint, scale: number): string {
  const text = String(digits < 0n ? -digits : digits).padStart(scale + 1, "0");
  const sign = digits < 0n ? "-" : "";
  return scale === 0 ? sign + text : `${sign}${text.slice(0, -scale)}.${text.slice(-scale)}`;
}
