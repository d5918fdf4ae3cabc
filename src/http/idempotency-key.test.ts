import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isTidemarkError } from "../errors.ts";
import { commandIdOf, parseIdempotencyKey, streamOf } from "./idempotency-key.ts";

const scope = { principal: "p", method: "POST", path: ["/orders/{id}/pay", "o-1"] };

describe("Idempotency-Key", () => {
  for (const [line, key] of [
    ["abc", "abc"],
    ['"abc"', "abc"],
    [' "a\\"b\\\\c" ', 'a"b\\c'],
    ["a,b;c=d", "a,b;c=d"],
    ["!~", "!~"],
    ["k".repeat(255), "k".repeat(255)],
  ] as const) {
    test(`reads ${line.slice(0, 20)}`, () => assert.equal(parseIdempotencyKey([line]), key));
  }
  test("may be absent", () => assert.equal(parseIdempotencyKey([]), undefined));

  for (const lines of [
    [""],
    ['""'],
    ['"a'],
    ['"a" '.repeat(2)],
    ['"a"b"'],
    ["a b"],
    ['"a b"'],
    ["é"],
    ["a\u007f"],
    ["k".repeat(256)],
    ["a", "a"],
  ]) {
    test(`refuses ${JSON.stringify(lines).slice(0, 30)}`, () =>
      assert.throws(
        () => parseIdempotencyKey(lines),
        (error) => isTidemarkError(error, "INVALID_HEADER"),
      ));
  }
});

describe("ids from a key", () => {
  test("the same key in the same scope is the same command", () => assert.equal(commandIdOf(scope, "k"), commandIdOf({ ...scope }, "k")));

  test("another key, principal, method or path is another command", () => {
    const ids = [
      commandIdOf(scope, "k"),
      commandIdOf(scope, "l"),
      commandIdOf({ ...scope, principal: "q" }, "k"),
      commandIdOf({ ...scope, method: "PUT" }, "k"),
      commandIdOf({ ...scope, path: ["/orders/{id}/pay", "o-2"] }, "k"),
    ];
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{43}$/);
  });

  test("without a key each is new, and its stream has its id", () => {
    const id = commandIdOf(scope, undefined);
    assert.notEqual(id, commandIdOf(scope, undefined));
    assert.equal(streamOf(id), id);
  });

  test("the stream follows from the command id and is a uuid", () => {
    const id = commandIdOf(scope, "k");
    assert.equal(streamOf(id), streamOf(id));
    assert.match(streamOf(id), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.notEqual(streamOf(id), streamOf(commandIdOf(scope, "l")));
  });
});
