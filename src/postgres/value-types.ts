/** How values come out of both engines: int8 as number, JSON parsed, dates (without time) as text, timestamps as Date, numeric as text. */

/** Positions and counts stay far below 2^53; a greater int8 is a fault and is never rounded in silence. */
export function int8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`the int8 ${text} is beyond 2^53; select it as text`);
  return value;
}

export const json = (text: string): unknown => JSON.parse(text);
export const asText = (text: string): string => text;

export const oid = { int8: 20, json: 114, jsonb: 3802, date: 1082, int8Array: 1016, numeric: 1700 } as const;
