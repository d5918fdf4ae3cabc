/** GET routes over the orders example: documents, pages, freshness. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { api } from "../../examples/orders/api.ts";
import { inMemoryApp } from "../../test/in-memory-app.ts";
import { formatToken } from "../core/token.ts";
import { formatCursor } from "./cursor.ts";
import { httpServer } from "./server.ts";

const item = { productId: "p-1", name: "Coffee", quantity: 2, unitPrice: "6.25" };

async function start(orders = 0) {
  const app = inMemoryApp();
  const { fastify } = httpServer(api, { ...app, roles: ["command", "query"], logger: { debug() {}, info() {}, warn() {}, error() {} } });
  const ask = async (
    method: "GET" | "POST" | "HEAD",
    url: string,
    options: { payload?: object; headers?: Record<string, string> } = {},
  ) => {
    const answer = await fastify.inject({ method, url, ...options });
    return {
      status: answer.statusCode,
      headers: answer.headers,
      text: answer.body,
      body: (answer.body === "" ? {} : JSON.parse(answer.body)) as Record<string, unknown>,
    };
  };
  const get = (url: string, headers: Record<string, string> = {}) => ask("GET", url, { headers });
  const post = (url: string, payload: object) => ask("POST", url, { payload });
  for (let at = 0; at < orders; at++) await post("/orders", { orderId: `o-${at}`, customerId: `c-${at % 2}`, items: [item] });
  return { app, ask, get, post };
}

const idsOf = (body: Record<string, unknown>) => (body["items"] as { orderId: string }[]).map((order) => order.orderId);

describe("a document", () => {
  test("comes encoded, with version, time and freshness", async () => {
    const { get, post } = await start(1);
    await post("/customers", { customerId: "c-0", name: "Ann", email: "a@b.c" });
    const { status, headers, body } = await get("/orders/o-0");
    assert.equal(status, 200);
    assert.deepEqual(body, {
      order: {
        orderId: "o-0",
        customerId: "c-0",
        customer: { customerId: "c-0", name: "Ann", email: "a@b.c" },
        status: "CREATED",
        items: [{ ...item, lineTotal: "12.50" }],
        total: "12.50",
        payment: null,
        shipping: null,
        history: [{ status: "CREATED", at: "2026-03-01T10:00:00.000Z" }],
      },
      version: 1,
      lastUpdated: "2026-03-01T10:00:00.000Z",
      stale: false,
    });
    assert.deepEqual([headers["read-model-stale"], headers["read-model-age"]], ["false", "0"]);
    assert.match(String(headers["etag"]), /^W\/"/);
  });

  test("that is absent is 404 by the commands' name, with the view's freshness", async () => {
    const { get } = await start();
    for (const [url, code] of [
      ["/orders/o-9", "OrderNotFound"],
      ["/customers/c-9", "CustomerNotFound"],
    ] as const) {
      const { status, headers, body } = await get(url);
      assert.deepEqual([status, body["code"], headers["read-model-stale"], headers["read-model-age"]], [404, code, "false", "0"]);
    }
  });

  test("that the client has is 304", async () => {
    const { get, post } = await start(1);
    const etag = String((await get("/orders/o-0")).headers["etag"]);
    for (const header of [etag, `"x", ${etag}`, etag.slice(2), "*"]) {
      const same = await get("/orders/o-0", { "if-none-match": header });
      assert.deepEqual([same.status, same.text, same.headers["etag"], same.headers["read-model-stale"]], [304, "", etag, "false"]);
    }
    await post("/orders/o-0/items", item);
    assert.equal((await get("/orders/o-0", { "if-none-match": etag })).status, 200);
  });

  test("a HEAD has the headers alone; a body of a GET is ignored", async () => {
    const { ask } = await start(1);
    const head = await ask("HEAD", "/orders/o-0");
    assert.deepEqual([head.status, head.text, head.headers["read-model-age"]], [200, "", "0"]);
    assert.equal((await ask("GET", "/orders/o-0", { payload: { a: 1 } })).status, 200);
  });
});

describe("a list", () => {
  test("is newest first, filtered, and empty for whom nothing is known of", async () => {
    const { get, post } = await start(4);
    await post("/orders/o-1/submit", {});
    assert.deepEqual(idsOf((await get("/orders")).body), ["o-3", "o-2", "o-1", "o-0"]);
    assert.deepEqual(idsOf((await get("/orders?customerId=c-1")).body), ["o-3", "o-1"]);
    assert.deepEqual(idsOf((await get("/orders?status=SUBMITTED")).body), ["o-1"]);
    assert.deepEqual(idsOf((await get("/customers/c-1/orders?status=CREATED")).body), ["o-3"]);
    assert.deepEqual((await get("/customers/nobody/orders")).body, { items: [], nextCursor: null });
    assert.equal(((await get("/orders?limit=1")).body["items"] as { total: string }[])[0]?.total, "12.50");
  });

  test("goes from page to page by cursor and by Link, each document once", async () => {
    const { get } = await start(7);
    const seen: string[] = [];
    let url: string | undefined = "/orders?limit=3&status=CREATED";
    while (url !== undefined) {
      const { status, headers, body } = await get(url);
      assert.equal(status, 200);
      seen.push(...idsOf(body));
      const link: string | undefined = /^<(.+)>; rel="next"$/.exec(String(headers["link"]))?.[1];
      assert.equal(link === undefined, body["nextCursor"] === null);
      if (link !== undefined) assert.equal(new URL(link, "http://x").searchParams.get("cursor"), body["nextCursor"]);
      url = link;
    }
    assert.deepEqual(seen, ["o-6", "o-5", "o-4", "o-3", "o-2", "o-1", "o-0"]);
  });

  test("refuses a cursor of other filters or of another route", async () => {
    const { get } = await start(4);
    const cursor = String((await get("/orders?limit=1&customerId=c-1")).body["nextCursor"]);
    for (const url of ["/orders?", "/orders?customerId=c-0&", "/orders?customerId=c-1&status=CREATED&", "/customers/c-1/orders?"]) {
      assert.deepEqual((await get(`${url}cursor=${cursor}`)).body["code"], "INVALID_CURSOR", url);
    }
    assert.equal((await get(`/orders?customerId=c-1&limit=2&cursor=${cursor}`)).status, 200);
  });

  test("refuses a forged cursor, checksum and all", async () => {
    const { get } = await start(2);
    // The checksum is no secret: what it covers is the route, the view, the order and the filters.
    const binding = JSON.stringify(["/orders", "order_summaries", [{ field: "createdAt", direction: "desc" }], [null, null]]);
    const good = ["2026-03-01T10:00:01.000Z", "o-1"] as const;
    assert.deepEqual(idsOf((await get(`/orders?cursor=${formatCursor(binding, good)}`)).body), ["o-0"]);
    for (const forged of [
      [],
      ["o-1"],
      [1, "o-1"],
      [null, "o-1"],
      [good[0], 7],
      [good[0], ""],
      ["\u0000", "o-1"],
      [good[0], "\ud800"],
      [...good, "x"],
      [{ in: ["a"] }, "o-1"],
    ]) {
      const { status, body } = await get(`/orders?cursor=${formatCursor(binding, forged as never)}`);
      assert.deepEqual([status, body["code"]], [400, "INVALID_CURSOR"], JSON.stringify(forged));
    }
  });

  test("names every wrong parameter", async () => {
    const { get } = await start();
    const { status, body } = await get("/orders?limit=0&status=created&customerId=a%20b");
    assert.equal(status, 422);
    assert.deepEqual(
      (body["errors"] as { parameter: string }[]).map((error) => error.parameter),
      ["customerId", "status", "limit"],
    );
    assert.equal((await get("/customers/c-1/orders?customerId=c-1")).status, 422);
    assert.equal((await get("/customers/a%20b/orders")).status, 422);
    assert.equal((await get("/orders/o-1?x=1")).status, 422);
  });
});

describe("consistency", () => {
  const token = async (post: Awaited<ReturnType<typeof start>>["post"]) =>
    String((await post("/orders", { orderId: "o-9", customerId: "c-1", items: [item] })).headers["consistency-token"]);

  test("a view that is behind is 503, or stale if the client takes that", async () => {
    const { app, get, post } = await start(1);
    await get("/orders");
    app.paused = true;
    const headers = { "consistency-token": await token(post) };
    for (const url of ["/orders", "/orders/o-9", "/orders/o-0"]) {
      const late = await get(url, headers);
      assert.deepEqual(
        [late.status, late.body["code"], late.headers["retry-after"], late.headers["read-model-stale"], late.headers["read-model-age"]],
        [503, "READ_MODEL_BEHIND", "1", "true", "1.5"],
        url,
      );
    }
    const lenient = await get("/orders/o-0", { ...headers, prefer: "wait=0, handling=lenient" });
    assert.deepEqual(
      [lenient.status, lenient.body["stale"], lenient.headers["read-model-stale"], lenient.headers["preference-applied"]],
      [200, true, "true", "wait=0, handling=lenient"],
    );
    app.paused = false;
    assert.deepEqual(idsOf((await get("/orders", headers)).body), ["o-9", "o-0"]);
  });

  test("several tokens are one", async () => {
    const { app, get, post } = await start(1);
    const first = await token(post);
    await get("/orders");
    app.paused = true;
    const second = String((await post("/orders/o-9/submit", {})).headers["consistency-token"]);
    assert.equal((await get("/orders", { "consistency-token": first })).status, 200);
    assert.equal((await get("/orders", { "consistency-token": `${first}, ${second},` })).status, 503);
  });

  test("a token of another log id, or of too many parts, is refused", async () => {
    const { get } = await start();
    const other = formatToken([{ log: "orders", logId: "01934f5c-7d10-7000-8000-00000000ffff", partition: 0, position: 1 }]);
    const parts = (from: number) =>
      formatToken(
        Array.from({ length: 40 }, (_, at) => ({
          log: "x",
          logId: "01934f5c-7d10-7000-8000-000000000002",
          partition: from + at,
          position: 1,
        })),
      );
    for (const header of [other, `${parts(0)},${parts(40)}`, "", "nonsense"])
      assert.equal((await get("/orders", { "consistency-token": header })).body["code"], "INVALID_TOKEN");
    assert.equal((await get("/orders", { "consistency-token": `${parts(0)},${parts(20)}` })).status, 200);
  });
});
