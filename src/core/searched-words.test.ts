import assert from "node:assert/strict";
import { test } from "node:test";
import { maxSearchedBytes, searchedWords } from "./searched-words.ts";

const search = { text: ["name", "tags"], facets: [] };

test("words of all searched fields, each once, or of some", () => {
  const document = { name: "Anna Berg", tags: ["red", "Anna"], other: "blue" };
  assert.deepEqual(searchedWords(search, document), ["anna", "berg", "red"]);
  assert.deepEqual(searchedWords(search, document, ["tags"]), ["red", "anna"]);
  assert.deepEqual(searchedWords(search, { name: null }), []);
});

test("a field that has more words than its share is found by the first ones, and takes nothing from the others", () => {
  const many = Array.from({ length: 200_000 }, (_, i) => `word${i}`);
  const words = searchedWords(search, { name: many.join(" "), tags: ["last", ...many.map((word) => `é${word}`)] });
  assert.deepEqual(words.slice(0, 2), ["word0", "word1"]);
  assert.ok(words.includes("last") && !words.includes("word199999"));
  const bytes = words.reduce((sum, word) => sum + Buffer.byteLength(word), 0);
  assert.ok(bytes > maxSearchedBytes / 2 && bytes <= maxSearchedBytes, `${bytes} bytes`);
  assert.equal(searchedWords(search, { name: "again and ".repeat(100_000) + "last" }).at(-1), "last", "repeats take nothing");
});
