import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ErrorCode, errorTable, type ErrorDetails, TidemarkError } from "../errors.ts";
import { problemOf, problemUri } from "./problem.ts";

// Every detail that some message reads; each message takes what it knows.
const details = {
  what: "x",
  setting: "x",
  issues: [{ pointer: "/a", parameter: "a", detail: "is wrong" }],
  allow: ["GET"],
  waitedMs: 1,
  ageMs: 1_234,
  actual: 3,
  expected: "4",
} as unknown as ErrorDetails<ErrorCode>;

describe("problems", () => {
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    test(`${code} has an answer`, () => {
      const { status, headers, body } = problemOf(new TidemarkError(code, details));
      const problem = JSON.parse(body ?? "");
      assert.equal(problem.status, status);
      assert.ok((status >= 400 && status < 500) || status === 503);
      assert.match(headers["content-type"]!, /^application\/problem\+json/);
      assert.match(problem.type, /^\/problems\/[a-z-]+$/);
      if (status === 503) assert.equal(headers["retry-after"], "1");
    });
  }

  test("an unknown fault tells nothing of itself", () => {
    const { status, body } = problemOf(new Error("secret at /home/me/file.ts"));
    assert.equal(status, 503);
    assert.doesNotMatch(body ?? "", /secret|file\.ts/);
    assert.equal(JSON.parse(body ?? "").code, "UNAVAILABLE");
    for (const thrown of [undefined, null, "text", 7, {}]) assert.equal(problemOf(thrown).status, 503);
  });

  test("a fault of the service keeps its text for the log", () =>
    assert.doesNotMatch(problemOf(new TidemarkError("INVALID_EVENT", { type: "Secret", issues: [] })).body ?? "", /Secret/));

  test("says where the input is wrong", () => {
    assert.deepEqual(
      JSON.parse(problemOf(new TidemarkError("INVALID_INPUT", { what: "x", issues: [{ pointer: "/a", detail: "d" }] })).body ?? "").errors,
      [{ pointer: "/a", detail: "d" }],
    );
    const parameter = JSON.parse(
      problemOf(new TidemarkError("INVALID_PARAMETER", { issues: [{ parameter: "a", detail: "d" }] })).body ?? "",
    );
    assert.deepEqual([parameter.code, parameter.status, parameter.errors], ["INVALID_INPUT", 422, [{ parameter: "a", detail: "d" }]]);
  });

  test("a view that is behind says how far", () => {
    const { headers } = problemOf(new TidemarkError("READ_MODEL_BEHIND", { view: "v", waitedMs: 1, ageMs: 1_234 }));
    assert.deepEqual([headers["read-model-stale"], headers["read-model-age"], headers["retry-after"]], ["true", "1.234", "1"]);
  });

  test("types are in kebab case", () => {
    assert.equal(problemUri("READ_MODEL_BEHIND"), "/problems/read-model-behind");
    assert.equal(problemUri("OrderNotFound"), "/problems/order-not-found");
  });
});
