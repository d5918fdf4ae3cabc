/** POST routes over the orders example: answers, headers, idempotency, If-Match. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { api } from "../../examples/orders/api.ts";
import { inMemoryApp } from "../../test/in-memory-app.ts";
import { TidemarkError } from "../errors.ts";
import type { CommandContext, ExecuteOptions } from "../runtime/app.ts";
import { httpServer } from "./server.ts";

const item = { productId: "p-1", name: "Coffee", quantity: 2, unitPrice: "6.25" };
const order = { orderId: "o-1", customerId: "c-1", items: [item] };

function start() {
  const app = inMemoryApp();
  const log: string[] = [];
  const executed: ExecuteOptions[] = [];
  const commands: typeof app.commands = {
    execute: (command, options = {}) => (executed.push(options), app.commands.execute(command, options)),
  };
  const note = (message: string, fields?: object) => void log.push(`${message} ${JSON.stringify(fields)}`);
  const { fastify } = httpServer(api, {
    ...app,
    commands,
    roles: ["command", "query"],
    logger: { debug() {}, info() {}, warn: note, error: note },
  });
  const post = async (url: string, payload?: unknown, headers: Record<string, string | string[]> = {}) => {
    const answer = await fastify.inject({
      method: "POST",
      url,
      headers: headers as Record<string, string>,
      ...(payload === undefined ? {} : { payload: payload as object }),
    });
    return { status: answer.statusCode, headers: answer.headers, body: JSON.parse(answer.body) as Record<string, unknown> };
  };
  return { app, post, log, executed };
}

describe("an accepted command", () => {
  test("is answered by id and version, with token, ETag and Location", async () => {
    const { post } = start();
    const { status, headers, body } = await post("/orders", order);
    assert.deepEqual([status, body], [202, { orderId: "o-1", version: 1 }]);
    assert.deepEqual([headers["etag"], headers["location"], headers["idempotent-replayed"]], ['"1"', "/orders/o-1", undefined]);
    assert.match(String(headers["consistency-token"]), /^1\.[A-Za-z0-9_-]+$/);
    const added = await post("/orders/o-1/items", item);
    assert.deepEqual(
      [added.status, added.body, added.headers["location"], added.headers["etag"]],
      [202, { orderId: "o-1", version: 2 }, "/orders/o-1", '"2"'],
    );
  });

  test("without an id gets one, another each time; with a key the same", async () => {
    const { post } = start();
    const { orderId: _, ...anonymous } = order;
    const ids = [
      await post("/orders", anonymous),
      await post("/orders", anonymous),
      await post("/orders", anonymous, { "idempotency-key": "k" }),
      await post("/orders", anonymous, { "idempotency-key": '"k"' }),
    ].map(({ body }) => body["orderId"]);
    assert.equal(new Set(ids).size, 3);
    assert.equal(ids[2], ids[3]);
    for (const id of ids) assert.match(String(id), /^[0-9a-f-]{36}$/);
  });

  test("that requires nothing takes no body, or an empty object", async () => {
    const { post } = start();
    await post("/orders", order);
    await post("/orders", { ...order, orderId: "o-2" });
    assert.equal((await post("/orders/o-1/submit")).status, 202);
    assert.equal((await post("/orders/o-2/submit", {})).status, 202);
    assert.equal((await post("/orders/o-1/submit", {})).body["code"], "OrderNotOpen");
  });

  test("hands on the trace that it belongs to", async () => {
    const { post, executed } = start();
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    await post("/orders", order, { traceparent, tracestate: "a=b" });
    await post("/orders", { ...order, orderId: "o-2" }, { traceparent: "00-zz", tracestate: "a=b" });
    assert.deepEqual(
      executed.map((options): CommandContext | undefined => options.context),
      [{ traceparent, tracestate: "a=b" }, {}],
    );
  });
});

describe("a refused command", () => {
  const cases: readonly {
    readonly name: string;
    readonly url: string;
    readonly body?: unknown;
    readonly headers?: Record<string, string>;
    readonly expected: readonly [number, string];
  }[] = [
    { name: "exists already", url: "/orders", body: order, expected: [409, "OrderAlreadyExists"] },
    { name: "unknown order", url: "/orders/o-9/pay", body: { method: "card", amount: "1" }, expected: [404, "OrderNotFound"] },
    { name: "unknown customer", url: "/customers/c-9/rename", body: { name: "A" }, expected: [404, "CustomerNotFound"] },
    { name: "not payable", url: "/orders/o-1/pay", body: { method: "card", amount: "12.50" }, expected: [409, "OrderNotPayable"] },
    { name: "another amount", url: "/orders/o-2/pay", body: { method: "card", amount: "12.49" }, expected: [422, "AmountMismatch"] },
    {
      name: "a total too large",
      url: "/orders",
      body: {
        customerId: "c",
        items: Array.from({ length: 1_000 }, () => ({ ...item, quantity: 1_000_000, unitPrice: "999999999999.99" })),
      },
      expected: [422, "TotalTooLarge"],
    },
    { name: "another version", url: "/orders/o-1/submit", headers: { "if-match": '"7"' }, expected: [412, "VERSION_MISMATCH"] },
    {
      name: "another version before any other rejection",
      url: "/orders/o-2/submit",
      headers: { "if-match": '"1"' },
      expected: [412, "VERSION_MISMATCH"],
    },
    {
      name: "any version of an unknown order",
      url: "/orders/o-9/submit",
      headers: { "if-match": '"1"' },
      expected: [404, "OrderNotFound"],
    },
    { name: "number for text", url: "/orders", body: { ...order, customerId: 7 }, expected: [422, "INVALID_INPUT"] },
    { name: "text for number", url: "/orders", body: { ...order, items: [{ ...item, quantity: "2" }] }, expected: [422, "INVALID_INPUT"] },
    { name: "no such id", url: "/orders/a%20b/submit", expected: [422, "INVALID_INPUT"] },
    { name: "an id that is a route", url: "/orders", body: { ...order, orderId: "search" }, expected: [422, "INVALID_INPUT"] },
    { name: "an id that is null", url: "/orders", body: { ...order, orderId: null }, expected: [422, "INVALID_INPUT"] },
    {
      name: "the id in the body of another command",
      url: "/orders/o-1/submit",
      body: { orderId: "o-1" },
      expected: [422, "INVALID_INPUT"],
    },
    { name: "no body", url: "/orders", expected: [400, "INVALID_JSON"] },
  ];
  for (const { name, url, body, headers, expected } of cases) {
    test(`${name}: ${expected.join(" ")}`, async () => {
      const { post } = start();
      await post("/orders", order);
      await post("/orders", { ...order, orderId: "o-2" });
      await post("/orders/o-2/submit");
      const answer = await post(url, body, headers);
      assert.deepEqual([answer.status, answer.body["code"], answer.body["status"]], [...expected, expected[0]]);
      assert.equal(answer.headers["consistency-token"], undefined);
    });
  }

  test("says everything that is wrong at once, each once", async () => {
    const { post } = start();
    const { body } = await post("/orders", {
      orderId: "a b",
      customerId: "c-1",
      items: [{ ...item, quantity: 0, colour: "red" }],
      note: "x",
    });
    assert.deepEqual(
      (body["errors"] as { pointer: string }[]).map((error) => error.pointer),
      ["/orderId", "/items/0/colour", "/note", "/items/0/quantity"],
    );
  });

  test("is one with a query parameter, and nothing is done", async () => {
    const { post, executed } = start();
    const { status, body } = await post("/orders?dryRun=true&dryRun=", order);
    assert.deepEqual(
      [status, body["code"], (body["errors"] as { parameter: string }[]).map((error) => error.parameter)],
      [422, "INVALID_INPUT", ["dryRun", "dryRun"]],
    );
    assert.deepEqual(executed, []);
    assert.equal((await post("/orders?", order)).status, 202);
  });

  test("If-Match takes a list, and is ignored where something is created", async () => {
    const { post } = start();
    assert.equal((await post("/orders", order, { "if-match": "nonsense" })).status, 202);
    assert.equal((await post("/orders/o-1/items", item, { "if-match": '"7", "1"' })).status, 202);
    assert.equal((await post("/orders/o-1/items", item, { "if-match": "*" })).status, 202);
    const mismatch = await post("/orders/o-1/items", item, { "if-match": '"1"' });
    assert.deepEqual([mismatch.status, mismatch.headers["etag"]], [412, '"3"']);
  });
});

describe("an Idempotency-Key", () => {
  test("gives the first answer again, accepted or rejected", async () => {
    const { post } = start();
    const key = { "idempotency-key": "k" };
    const first = await post("/orders", order, key);
    const again = await post("/orders", { ...order, items: [{ ...item, unitPrice: "6.25" }] }, key);
    assert.deepEqual(
      [again.status, again.body, again.headers["consistency-token"], again.headers["idempotent-replayed"]],
      [first.status, first.body, first.headers["consistency-token"], "true"],
    );
    const rejected = await post("/orders/o-1/pay", { method: "card", amount: "1.5" }, key);
    await post("/orders/o-1/submit");
    const still = await post("/orders/o-1/pay", { method: "card", amount: "1.50" }, key);
    assert.deepEqual([still.status, still.body, still.headers["idempotent-replayed"]], [409, rejected.body, "true"]);
  });

  test("with another body is refused; on another path it is another key", async () => {
    const { post } = start();
    const key = { "idempotency-key": "k" };
    await post("/orders", order, key);
    assert.deepEqual((await post("/orders", { ...order, customerId: "c-2" }, key)).body["code"], "IDEMPOTENCY_KEY_REUSED");
    assert.equal((await post("/orders/o-1/items", item, key)).status, 202);
    assert.equal((await post("/orders/o-1/submit", undefined, key)).status, 202);
  });

  test("an empty body and {} are one command", async () => {
    const { post } = start();
    await post("/orders", order);
    await post("/orders/o-1/submit", undefined, { "idempotency-key": "k" });
    assert.equal((await post("/orders/o-1/submit", {}, { "idempotency-key": "k" })).headers["idempotent-replayed"], "true");
  });
});

describe("a fault", () => {
  test("of an unknown kind is 503 UNAVAILABLE outside and whole in the log", async () => {
    const { app, post, log } = start();
    app.fault = new TypeError("secret detail");
    const { status, headers, body } = await post("/orders", order);
    assert.deepEqual([status, body["code"], headers["retry-after"]], [503, "UNAVAILABLE", "1"]);
    assert.doesNotMatch(JSON.stringify(body), /secret/);
    assert.equal(log.length, 1);
    assert.match(log[0]!, /secret detail[^]*commands\.test\.ts/);
  });

  for (const error of [
    new TidemarkError("CONTENTION", { stream: "o-1", attempts: 9 }),
    new TidemarkError("OVERLOADED", { what: "x", limit: 1 }),
    new TidemarkError("UNAVAILABLE", { what: "The write store" }),
  ]) {
    test(`${error.code} says when to come back`, async () => {
      const { app, post } = start();
      app.fault = error;
      const { status, headers, body } = await post("/orders", order);
      assert.deepEqual([status, body["code"], headers["retry-after"]], [503, error.code, "1"]);
    });
  }
});
