import assert from "node:assert/strict";
import { test } from "node:test";
import { isTidemarkError } from "../errors.ts";
import { parseBrokers, topicOf } from "./options.ts";

test("brokers are host:port, comma-separated, spaces allowed, IPv6 in brackets", () => {
  assert.deepEqual(parseBrokers("a:9092, b.example:19092,[::1]:9"), [
    { host: "a", port: 9092 },
    { host: "b.example", port: 19092 },
    { host: "::1", port: 9 },
  ]);
});

for (const text of ["", " , ", "a", "a:0", "a:70000", "a:b", "http://a:1", "a:1:2"]) {
  test(`'${text}' names no brokers`, () => {
    assert.throws(
      () => parseBrokers(text),
      (error) => isTidemarkError(error, "INVALID_SETTING"),
    );
  });
}

test("a topic is named after its log", () => {
  assert.equal(topicOf("shop_", "orders"), "shop_orders-events");
});
