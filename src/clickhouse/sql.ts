/** Text of statements: names, literals, and rows in the format TabSeparated. */

export const identifier = (name: string): string => `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;

const special = /[\\'\0\b\f\n\r\t]/g;
const isSpecial = /[\\'\0\b\f\n\r\t]/;
const escapes: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "'": "\\'",
  "\0": "\\0",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

/** The same in a literal and in a field of TabSeparated. */
export const escaped = (text: string): string => (isSpecial.test(text) ? text.replace(special, (found) => escapes[found]!) : text);

/** Numbers that no integer type holds as they are get an exponent, so that they are read as the double that they are. */
export const literal = (value: string | number | boolean): string => {
  if (typeof value === "string") return `'${escaped(value)}'`;
  return typeof value === "number" && !Number.isSafeInteger(value) ? value.toExponential() : String(value);
};

export type Cell = string | number | boolean | bigint | null;

/** One row of TabSeparated; `\N` is null. */
export function tabSeparated(cells: readonly Cell[]): string {
  let line = "";
  // every document of a rebuild comes through here
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i]!;
    if (i > 0) line += "\t";
    line += cell === null ? "\\N" : typeof cell === "string" ? escaped(cell) : String(cell);
  }
  return `${line}\n`;
}

/** A query is parsed as a whole before it begins. */
const maxListBytes = 500_000;

/** Literals, in as many lists as queries can hold. */
export function literalLists(texts: readonly string[]): string[] {
  const lists: string[] = [];
  let list = "";
  for (const text of texts) {
    const one = literal(text);
    if (list !== "" && Buffer.byteLength(list) + Buffer.byteLength(one) > maxListBytes) {
      lists.push(list);
      list = "";
    }
    list += list === "" ? one : `,${one}`;
  }
  return list === "" ? lists : [...lists, list];
}
