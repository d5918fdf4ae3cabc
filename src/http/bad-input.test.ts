import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { api } from "../../examples/orders/api.ts";
import type { Asker, Json } from "../../test/bad-input-operations.ts";
import { anyInput, askOver, badInput } from "../../test/bad-input.ts";
import { inMemoryApp } from "../../test/in-memory-app.ts";
import { httpServer } from "./server.ts";

const faults: string[] = [];
const note = (message: string, fields?: object) => void faults.push(`${message} ${JSON.stringify(fields)}`);
const server = () =>
  httpServer(api, { ...inMemoryApp(), roles: ["command", "query"], logger: { debug() {}, info() {}, warn: note, error: note } });

describe("wrong requests", () => {
  test("each gets the problem of the contract", async () => {
    const { fastify, openApi } = server();
    const ask: Asker = async ({ method, url, headers, body }) => {
      const answer = await fastify.inject({
        method: method as "GET",
        url,
        headers: headers as Record<string, string>,
        ...(body === undefined ? {} : { payload: body }),
      });
      return { status: answer.statusCode, headers: answer.headers, body: answer.body };
    };
    const seen = await badInput(ask, openApi as unknown as Json, { runs: 8 });
    await anyInput(ask, openApi as unknown as Json, { runs: 300 });
    assert.deepEqual([...seen.keys()].sort(), [
      "400 INVALID_CURSOR",
      "400 INVALID_HEADER",
      "400 INVALID_JSON",
      "400 INVALID_TOKEN",
      "404 NOT_FOUND",
      "405 METHOD_NOT_ALLOWED",
      "413 PAYLOAD_TOO_LARGE",
      "415 UNSUPPORTED_MEDIA_TYPE",
      "422 INVALID_INPUT",
    ]);
    assert.deepEqual(faults, []);
  });

  test("over a socket as well", async (t) => {
    const listening = server();
    t.after(() => listening.close());
    const { url } = await listening.listen({ host: "127.0.0.1", port: 0 });
    const seen = await badInput(askOver(url), listening.openApi as unknown as Json, { runs: 2 });
    assert.ok(seen.size >= 9);
    assert.deepEqual(faults, []);
  });
});
