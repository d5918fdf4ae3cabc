import assert from "node:assert/strict";
import { test } from "node:test";
import { highlightsOf } from "./highlight.ts";
import { foldText, maxWordLength, textsOf, wordsOf } from "./words.ts";

test("words are runs of letters and digits, without case, accents and compatibility forms", () => {
  const same: readonly (readonly [string, readonly string[]])[] = [
    ["Anna  ANNA anna", ["anna"]],
    ["José García-Müller", ["jose", "garcia", "muller"]],
    ["Jose\u0301", ["jose"]],
    ["O'Brien & Söhne, 2. Stock", ["o", "brien", "sohne", "2", "stock"]],
    ["Straße STRASSE", ["strasse"]],
    ["Łódź Ørsted Œuvre Ærø Đorđe İstanbul ILGIN ılgın", ["lodz", "orsted", "oeuvre", "aero", "dorde", "istanbul", "ilgin"]],
    ["ＦＵＬＬ ﬁne", ["full", "fine"]],
    ["ΟΔΟΣ οδός", ["οδοσ"]],
    ["Йогурт йогурт", ["иогурт"]],
    ["東京 2026", ["東京", "2026"]],
    ["… — \u0301 !", []],
    ["", []],
  ];
  for (const [text, words] of same) assert.deepEqual(wordsOf(text), words, text);
});

test("every character folds once and for all", () => {
  for (let code = 0; code <= 0x1_ff_ff; code++) {
    if (code >= 0xd8_00 && code <= 0xdf_ff) continue;
    const once = foldText(String.fromCodePoint(code));
    if (foldText(once) !== once) assert.fail(`U+${code.toString(16)} folds to '${once}', and that to '${foldText(once)}'`);
  }
});

test("a long word counts by its beginning, and is never cut within a character", () => {
  assert.deepEqual(wordsOf("a".repeat(500)), ["a".repeat(maxWordLength)]);
  const [cut] = wordsOf(`a${"𠮷".repeat(200)}`);
  assert.ok(cut!.isWellFormed() && cut!.length === maxWordLength - 1);
});

test("a field holds text, a list of it, or nothing to search", () => {
  assert.deepEqual(
    [textsOf("a b"), textsOf(["red", 5, null, "b"]), textsOf(null), textsOf({ a: "b" }), textsOf(undefined)],
    [["a b"], ["red", "b"], [], [], []],
  );
});

test("found words are marked whole, where they stand in the text, and the rest is escaped", () => {
  const marked = (text: string, searched: string) => highlightsOf({ text }, ["text"], wordsOf(searched))["text"];
  assert.deepEqual(marked("José <b>García</b>", "jos garc"), ["<em>José</em> &lt;b&gt;<em>García</em>&lt;/b&gt;"]);
  assert.deepEqual(marked("Jose\u0301 & Straße", "josé STRASS"), ["<em>Jose\u0301</em> &amp; <em>Straße</em>"]);
  assert.deepEqual(marked("O'Brien", "brien"), ["O&#39;<em>Brien</em>"]);
  assert.equal(marked("nothing of it", "other"), undefined);
  assert.deepEqual(highlightsOf({ a: ["red", "blue"], b: null }, ["a", "b"], ["bl"]), { a: ["<em>blue</em>"] });
});

test("of long texts the places around found words are shown", () => {
  const filler = "lorem ipsum dolor sit amet ".repeat(20);
  const found = highlightsOf({ text: `${filler}coffee ${filler}coffees ${filler}` }, ["text"], ["coffee"])["text"]!;
  assert.deepEqual(
    found.map((fragment) => fragment.match(/<em>.*?<\/em>/g)),
    [["<em>coffee</em>"], ["<em>coffees</em>"]],
  );
  for (const fragment of found) assert.ok(fragment.length < 250 && /^(lorem|ipsum|dolor|sit|amet) /.test(fragment), fragment);
  const dense = highlightsOf({ text: `${"𠮷".repeat(400)}-coffee-${"𠮷".repeat(400)}` }, ["text"], ["coffee"])["text"]!;
  assert.ok(dense.every((fragment) => fragment.isWellFormed() && fragment.includes("<em>coffee</em>")));
});
