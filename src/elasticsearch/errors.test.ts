import assert from "node:assert/strict";
import { test } from "node:test";
import { isTidemarkError } from "../errors.ts";
import { isTooLarge, outcomeOf, unavailable } from "./errors.ts";

test("an item is written, lost, refused for its document, or to be tried again", () => {
  assert.equal(outcomeOf(200, undefined, "x"), "written");
  assert.equal(outcomeOf(201, undefined, "x"), "written");
  assert.equal(outcomeOf(409, { type: "version_conflict_engine_exception" }, "x"), "lost");
  for (const type of ["mapper_parsing_exception", "document_parsing_exception", "strict_dynamic_mapping_exception"])
    assert.ok(typeof outcomeOf(400, { type, reason: "why" }, "x") === "object", type);
  const passing = [
    [429, "es_rejected_execution_exception"],
    [403, "cluster_block_exception"],
    [503, "unavailable_shards_exception"],
    [500, "translog_exception"],
    // an alias that somebody else has changed is no fault of a document
    [400, "illegal_argument_exception"],
  ] as const;
  for (const [status, type] of passing)
    assert.throws(() => outcomeOf(status, { type, reason: "why" }, "View"), { code: "UNAVAILABLE" }, type);
});

test("what a client says of the way to a server is told apart from our own faults", () => {
  const named = (name: string, more: object = {}) => Object.assign(new Error("m"), { name, ...more });
  assert.ok(isTidemarkError(unavailable("x")(named("ConnectionError")), "UNAVAILABLE"));
  assert.match(unavailable("x")(named("ResponseError", { meta: { statusCode: 503 } })).message, /ResponseError 503/);
  const own = new TypeError("own");
  assert.equal(unavailable("x")(own), own);
  assert.ok(isTooLarge(named("ResponseError", { statusCode: 413 })));
  assert.ok(!isTooLarge(named("ResponseError", { statusCode: 400 })));
});
