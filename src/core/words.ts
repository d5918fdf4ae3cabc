/**
 * The words of a text as search sees them: the same in a document and in what is searched for, on every store, whatever the analysis that the store itself offers.
 * Case, accents and compatibility forms do not count: "Ångström", "angstrom" and "ＡＮＧＳＴＲＯＭ" are one word; "O'Brien" is two.
 */

/** Letters that no normalisation takes apart. Final sigma is what lower-casing makes of a word's last one. */
const folded: Readonly<Record<string, string>> = {
  ß: "ss",
  ø: "o",
  œ: "oe",
  æ: "ae",
  ł: "l",
  ı: "i",
  đ: "d",
  ð: "d",
  þ: "th",
  ħ: "h",
  ς: "σ",
};
const foldable = /[ßøœæłıđðþħς]/g;
const onlyAscii = /^[\0-\x7f]*$/; // eslint-disable-line no-control-regex

/** Longer words count by their beginning: stores limit the length of what they index. */
export const maxWordLength = 64;

/** Without case, accents and compatibility forms; what stands between words is kept. */
export function foldText(text: string): string {
  if (onlyAscii.test(text)) return text.toLowerCase();
  return text
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(foldable, (letter) => folded[letter]!);
}

/** Of folded text: runs of letters and digits. */
export const word = /[\p{L}\p{N}]+/gu;

/** At a word's end no half of a surrogate pair is left. */
export function cutWord(full: string): string {
  if (full.length <= maxWordLength) return full;
  const cut = full.slice(0, maxWordLength);
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}

/** Each once, in the order of the text. */
export const wordsOf = (text: string): readonly string[] => [...new Set((foldText(text).match(word) ?? []).map(cutWord))];

/** The texts that a searched field holds. */
export function textsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
