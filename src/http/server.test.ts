/** What every process serves, roles, and what Node itself would answer. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, get, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { validate } from "@readme/openapi-parser";
import Ajv from "ajv/dist/2020.js";
import { api } from "../../examples/orders/api.ts";
import { inMemoryApp } from "../../test/in-memory-app.ts";
import { httpServer } from "./server.ts";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const start = (roles: readonly string[] = ["command", "query"]) => {
  const app = inMemoryApp();
  return { app, ...httpServer(api, { ...app, roles, logger: quiet }) };
};

describe("roles", () => {
  test("a process serves and documents only its own routes", async () => {
    const commands = start(["command", "relay"]);
    const queries = start(["query"]);
    assert.deepEqual(
      [(await commands.fastify.inject("/orders")).statusCode, (await commands.fastify.inject("/orders")).headers["allow"]],
      [405, "POST, OPTIONS"],
    );
    assert.equal((await commands.fastify.inject("/orders/o-1")).statusCode, 404);
    assert.deepEqual(
      [
        (await queries.fastify.inject({ method: "POST", url: "/orders" })).statusCode,
        (await queries.fastify.inject({ method: "POST", url: "/orders/o-1/submit" })).statusCode,
      ],
      [405, 404],
    );
    assert.ok(
      Object.values(commands.openApi.paths).every((item) => item["get"] === undefined || item["get"]["tags"]?.toString() === "platform"),
    );
    assert.ok(Object.values(queries.openApi.paths).every((item) => item["post"] === undefined));
    for (const path of ["/livez", "/readyz", "/metrics", "/openapi.json", "/docs"])
      assert.equal((await start([]).fastify.inject(path)).statusCode, 200, path);
  });

  test("a role without its part is refused", () => {
    assert.throws(() => httpServer(api, { health: inMemoryApp().health, roles: ["command"], logger: quiet }), {
      code: "INVALID_DEFINITION",
    });
  });
});

describe("methods", () => {
  test("another one is 405 with Allow, OPTIONS says what there is", async () => {
    const { fastify } = start();
    const odd = await fastify.inject({ method: "PROPFIND" as "GET", url: "/orders" });
    assert.deepEqual([odd.statusCode, odd.headers["allow"], odd.json().code], [405, "POST, GET, HEAD, OPTIONS", "METHOD_NOT_ALLOWED"]);
    const options = await fastify.inject({ method: "OPTIONS", url: "/orders/o-1" });
    assert.deepEqual([options.statusCode, options.headers["allow"]], [204, "GET, HEAD, OPTIONS"]);
    assert.equal((await fastify.inject({ method: "OPTIONS", url: "/nope" })).statusCode, 404);
  });
});

describe("health and metrics", () => {
  test("readiness is 503 with the checks that fail; liveness is not", async () => {
    const { app, fastify } = start();
    assert.deepEqual((await fastify.inject("/readyz")).json(), {
      status: "pass",
      checks: [{ name: "views", status: "pass", message: "following" }],
    });
    app.paused = true;
    const unready = await fastify.inject("/readyz");
    assert.deepEqual(
      [unready.statusCode, unready.json()],
      [503, { status: "fail", checks: [{ name: "views", status: "fail", message: "paused" }] }],
    );
    assert.equal((await fastify.inject("/livez")).statusCode, 200);
  });

  test("a check that throws is a failed one", async () => {
    const health = { ready: () => Promise.reject(new Error("secret")) };
    const { fastify } = httpServer(api, { ...inMemoryApp(), health, roles: [], logger: quiet });
    const answer = await fastify.inject("/readyz");
    assert.deepEqual([answer.statusCode, answer.json().status, answer.body.includes("secret")], [503, "fail", false]);
  });

  test("requests are counted by route, not by path", async () => {
    const { fastify } = start();
    for (const url of ["/orders/o-1", "/orders/o-2", "/orders?limit=x", "/nope", "/nope2"]) await fastify.inject(url);
    const { body, headers } = await fastify.inject("/metrics");
    assert.match(String(headers["content-type"]), /^text\/plain; version=0\.0\.4/);
    for (const line of [
      'http_server_requests_total{route="/orders/{id}",method="GET",status="404"} 2',
      'http_server_requests_total{route="/orders",method="GET",status="422"} 1',
      'http_server_requests_total{route="none",method="GET",status="404"} 2',
      "up 1",
    ]) {
      assert.ok(body.split("\n").includes(line), `${line} in\n${body}`);
    }
    assert.match(body, /^process_start_time_seconds \d{10}/m);
  });
});

describe("documentation", () => {
  test("is valid OpenAPI, and its examples meet its schemas", async () => {
    const { openApi } = start();
    const copy = JSON.parse(JSON.stringify(openApi)) as Parameters<typeof validate>[0];
    assert.equal((await validate(copy)).valid, true);
    const ajv = new Ajv.default({ strict: false, validateFormats: false });
    ajv.addSchema(openApi, "api");
    let checked = 0;
    for (const [path, item] of Object.entries(openApi.paths))
      for (const [method, operation] of Object.entries(item)) {
        const base = `api#/paths/${path.replaceAll("~", "~0").replaceAll("/", "~1").replaceAll("{", "%7B").replaceAll("}", "%7D")}/${method}`;
        const request = (operation["requestBody"] as { content: Record<string, { example: unknown }> } | undefined)?.content[
          "application/json"
        ];
        if (request !== undefined) {
          assert.ok(
            ajv.validate({ $ref: `${base}/requestBody/content/application~1json/schema` }, request.example),
            `${path} ${ajv.errorsText()}`,
          );
          checked++;
        }
        for (const [status, response] of Object.entries(
          operation["responses"] as Record<
            string,
            { content?: Record<string, { example?: unknown; examples?: Record<string, { value: unknown }> }> }
          >,
        )) {
          for (const [type, media] of Object.entries(response.content ?? {})) {
            const examples = [
              ...(media.example === undefined ? [] : [media.example]),
              ...Object.values(media.examples ?? {}).map((example) => example.value),
            ];
            for (const example of examples) {
              assert.ok(
                ajv.validate({ $ref: `${base}/responses/${status}/content/${type.replace("/", "~1")}/schema` }, example),
                `${method} ${path} ${status} ${ajv.errorsText()}`,
              );
              checked++;
            }
          }
        }
      }
    assert.ok(checked > 100, String(checked));
  });

  test("every documented example of a request is accepted or refused by a rule, never as invalid", async () => {
    const { fastify, openApi } = start();
    for (const [path, item] of Object.entries(openApi.paths)) {
      const content = (item["post"]?.["requestBody"] as { content: Record<string, { example: object }> } | undefined)?.content[
        "application/json"
      ];
      if (content === undefined) continue;
      const answer = await fastify.inject({ method: "POST", url: path.replace("{id}", "o-1"), payload: content.example });
      assert.ok(answer.statusCode === 202 || !String(answer.json().code).includes("_"), `${path} ${answer.body}`);
    }
  });

  test("the page asks nothing of other hosts", async () => {
    const { fastify } = start();
    const page = await fastify.inject("/docs");
    assert.equal(page.statusCode, 200);
    for (const [, url] of page.body.matchAll(/(?:src|href)="([^"]+)"/g)) assert.match(url!, /^\//);
    assert.doesNotMatch(page.body, /https?:/);
    assert.match(String(page.headers["content-security-policy"]), /default-src 'none';.*connect-src 'self'/);
    const script = await fastify.inject("/docs/scalar.js");
    assert.ok(script.statusCode === 200 && script.body.length > 1_000_000);
  });
});

/** What comes back for bytes on a socket, until the server closes it. */
const exchange = (url: string, bytes: string) =>
  new Promise<string>((resolve, reject) => {
    let answer = "";
    const socket = connect({ host: "127.0.0.1", port: Number(new URL(url).port) }, () => socket.write(bytes));
    socket
      .setEncoding("latin1")
      .on("data", (chunk) => (answer += chunk))
      .on("error", reject)
      .on("close", () => resolve(answer));
  });

describe("on the wire", () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["no HTTP", "hello\r\n\r\n", /^HTTP\/1\.1 400 [^]*application\/problem\+json[^]*"code":"INVALID_HEADER"/],
    ["headers too large", `GET / HTTP/1.1\r\nhost: x\r\nx: ${"a".repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431 [^]*problem\+json/],
    ["a line too long", `GET /${"a".repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`, /^HTTP\/1\.1 431 [^]*problem\+json/],
    ["an unknown expectation", "GET /livez HTTP/1.1\r\nhost: x\r\nexpect: magic\r\nconnection: close\r\n\r\n", /^HTTP\/1\.1 200 /],
    ["a strange host", "GET /docs HTTP/1.1\r\nhost: %%%\r\nconnection: close\r\n\r\n", /^HTTP\/1\.1 200 /],
    [
      "an absolute target",
      "GET http://elsewhere/orders/o-1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
      /^HTTP\/1\.1 404 [^]*OrderNotFound/,
    ],
    ["an asterisk", "OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", /^HTTP\/1\.1 404 [^]*NOT_FOUND/],
    [
      "two lines of a key",
      "POST /orders/o-1/submit HTTP/1.1\r\nhost: x\r\nidempotency-key: a\r\nIdempotency-Key: b\r\nconnection: close\r\n\r\n",
      /^HTTP\/1\.1 400 [^]*INVALID_HEADER/,
    ],
    [
      "a chunked body that is too large",
      `POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n110000\r\n${" ".repeat(0x110000)}\r\n0\r\n\r\n`,
      /^HTTP\/1\.1 413 [^]*PAYLOAD_TOO_LARGE/,
    ],
    [
      "a length that is too large",
      "POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n\r\n",
      /^HTTP\/1\.1 413 [^]*PAYLOAD_TOO_LARGE/,
    ],
  ];
  for (const [name, bytes, expected] of cases) {
    test(name, async (t) => {
      const server = start();
      t.after(() => server.close());
      const { url } = await server.listen({ host: "127.0.0.1", port: 0 });
      const answer = await exchange(url, bytes);
      assert.match(answer, expected);
      assert.doesNotMatch(answer, /^HTTP\/1\.1 5/);
    });
  }

  test("a request under way is answered before the server is closed", async () => {
    const app = inMemoryApp();
    const entered = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const queries: typeof app.queries = {
      ...app.queries,
      get: async (...asked) => (entered.resolve(), await released.promise, app.queries.get(...asked)),
    };
    const server = httpServer(api, { ...app, queries, roles: ["query"], logger: quiet });
    const { url } = await server.listen({ host: "127.0.0.1", port: 0 });
    const answer = fetch(`${url}/orders/o-1`);
    await entered.promise;
    const closed = server.close();
    released.resolve();
    assert.equal((await answer).status, 404);
    await closed;
    await assert.rejects(fetch(`${url}/livez`));
  });

  test("a connection that clients would keep does not keep a closing server", async (t) => {
    const app = inMemoryApp();
    const entered = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const queries: typeof app.queries = {
      ...app.queries,
      get: async (...asked) => (entered.resolve(), await released.promise, app.queries.get(...asked)),
    };
    const server = httpServer(api, { ...app, queries, roles: ["query"], logger: quiet });
    const { url } = await server.listen({ host: "127.0.0.1", port: 0 });
    const agent = new Agent({ keepAlive: true });
    t.after(() => agent.destroy());
    const answered = once(get(`${url}/orders/o-1`, { agent }), "response") as Promise<[IncomingMessage]>;
    await entered.promise;
    const closed = server.close();
    // until then idle connections are closed by the server itself
    while (server.fastify.server.listening) await new Promise(setImmediate);
    released.resolve();
    const [answer] = await answered;
    assert.deepEqual([answer.statusCode, answer.headers["connection"]], [404, "close"]);
    answer.resume();
    await closed;
  });

  test("a port that is taken is said by name", async (t) => {
    const [first, second] = [start(), start()];
    t.after(() => Promise.all([first.close(), second.close()]));
    const { url } = await first.listen({ host: "127.0.0.1", port: 0 });
    await assert.rejects(second.listen({ host: "127.0.0.1", port: Number(new URL(url).port) }), { code: "INVALID_SETTING" });
  });
});
