/** Where the words that were searched for stand in a text, by the same rules that found them (words.ts), so that every store shows the same. */
import { cutWord, foldText, textsOf, word } from "./words.ts";

/** Texts up to this length are shown whole; of longer ones the places that hold found words. In UTF-16 units. */
const wholeUpTo = 240;
const around = 60;
const maxFragments = 3;

interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * By searched field: fragments with the found words between `<em>` and `</em>`, the rest escaped as HTML. Fields without any are left out.
 * `words`: as `wordsOf` gives them; a word is found where it begins one of the text.
 */
export function highlightsOf(
  document: Readonly<Record<string, unknown>>,
  fields: readonly string[],
  words: readonly string[],
): Readonly<Record<string, readonly string[]>> {
  const found = fields.map((field) => [field, textsOf(document[field]).flatMap((text) => fragmentsOf(text, words))] as const);
  return Object.fromEntries(found.filter(([, fragments]) => fragments.length > 0));
}

function fragmentsOf(text: string, words: readonly string[]): readonly string[] {
  const spans = spansOf(text, words);
  if (spans.length === 0) return [];
  if (text.length <= wholeUpTo) return [marked(text, { from: 0, to: text.length }, spans)];
  const windows: Span[] = [];
  for (const { from, to } of spans) {
    const last = windows.at(-1);
    if (last !== undefined && from - around <= last.to) windows[windows.length - 1] = { from: last.from, to: to + around };
    else windows.push({ from: from - around, to: to + around });
  }
  return windows.slice(0, maxFragments).map((window) => marked(text, widened(text, window), spans));
}

/** To the ends of the words that it cuts. */
function widened(text: string, { from, to }: Span): Span {
  const start = Math.max(0, from);
  const before = start === 0 ? 0 : text.lastIndexOf(" ", start) + 1;
  const end = text.indexOf(" ", to);
  return {
    // without blanks there is nothing to widen to
    from: start - before > around ? wellFormedAt(text, start) : before,
    to: end === -1 || end - to > around ? wellFormedAt(text, Math.min(text.length, to)) : end,
  };
}

const wellFormedAt = (text: string, at: number): number => (/^[\uDC00-\uDFFF]/.test(text.slice(at, at + 1)) ? at + 1 : at);

/** The words of `text` that begin with one of `words`: where they stand in it, before folding. */
function spansOf(text: string, words: readonly string[]): readonly Span[] {
  let folded = "";
  /** By UTF-16 unit of `folded`: where the character that it comes from begins and ends. */
  const origin: Span[] = [];
  let at = 0;
  for (const character of text) {
    const to = at + character.length;
    const made = foldText(character);
    // an accent of its own belongs to the letter before it
    if (made === "" && origin.length > 0) origin[origin.length - 1] = { from: origin.at(-1)!.from, to };
    folded += made;
    for (let i = 0; i < made.length; i++) origin.push({ from: at, to });
    at = to;
  }
  return [...folded.matchAll(word)]
    .filter(([full]) => words.some((wanted) => cutWord(full).startsWith(wanted)))
    .map(({ 0: full, index }) => ({ from: origin[index]!.from, to: origin[index + full.length - 1]!.to }));
}

function marked(text: string, { from, to }: Span, spans: readonly Span[]): string {
  let html = "";
  let done = from;
  for (const span of spans) {
    if (span.from < done || span.to > to) continue;
    html += `${escaped(text.slice(done, span.from))}<em>${escaped(text.slice(span.from, span.to))}</em>`;
    done = span.to;
  }
  return html + escaped(text.slice(done, to));
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character]!);
