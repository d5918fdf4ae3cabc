/** The headers of a fetched record. They are most of what reading a record costs, so the common case has a way of its own. */
import { type HeaderBlock, varint } from "./batch-decoder.ts";
import { header } from "./headers.ts";

/** Names come as these very strings, so that comparing them is comparing pointers. */
const known = new Map<string, string>(Object.values(header).map((name) => [name, name]));

/** Names in the order in which the last record had them: the next one most likely has them so. */
const expected: string[] = [];

/** Calls back for each header with name and value as text. */
export function eachHeader(block: HeaderBlock, visit: (name: string, value: string | null) => void): void {
  const { bytes, start, end, count } = block;
  const text = bytes.toString("utf8", start, end);
  // as many characters as bytes: each byte is a character, so lengths are read from the text itself
  if (text.length === end - start && hasShortLengths(text, count)) eachShort(text, count, visit);
  else eachAny(block, visit);
}

/** A length of 64 or more takes two bytes; the first of them is no ASCII. */
function hasShortLengths(text: string, count: number): boolean {
  let at = 0;
  for (let i = 0; i < 2 * count; i++) {
    const length = text.charCodeAt(at);
    if (!(length < 0x80)) return false;
    at += 1 + ((length & 1) === 1 ? 0 : length >> 1);
  }
  return at === text.length;
}

function eachShort(text: string, count: number, visit: (name: string, value: string | null) => void): void {
  let at = 0;
  for (let i = 0; i < count; i++) {
    const nameEnd = at + 1 + (text.charCodeAt(at) >> 1);
    let name = expected[i];
    if (name === undefined || nameEnd - at - 1 !== name.length || !text.startsWith(name, at + 1)) {
      const found = text.slice(at + 1, nameEnd);
      name = known.get(found) ?? found;
      if (i < 64) expected[i] = name;
    }
    const length = text.charCodeAt(nameEnd);
    at = nameEnd + 1 + (length >> 1);
    // odd is negative: no value
    if ((length & 1) === 1) at = nameEnd + 1;
    visit(name, (length & 1) === 1 ? null : text.slice(nameEnd + 1, at));
  }
}

function eachAny({ bytes, start, count }: HeaderBlock, visit: (name: string, value: string | null) => void): void {
  const cursor = { at: start };
  for (let i = 0; i < count; i++) {
    const nameLength = varint(bytes, cursor);
    const name = bytes.toString("utf8", cursor.at, cursor.at + nameLength);
    cursor.at += nameLength;
    const valueLength = varint(bytes, cursor);
    if (valueLength < 0) visit(name, null);
    else {
      visit(name, bytes.toString("utf8", cursor.at, cursor.at + valueLength));
      cursor.at += valueLength;
    }
  }
}
