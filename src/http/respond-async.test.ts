import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { commandWorld } from "../../test/command-world.ts";
import { counters } from "../../test/counters.ts";
import { eventually } from "../../test/memory-world.ts";
import { memoryEventStore } from "../memory/index.ts";
import { commandHandler } from "../runtime/command-handler.ts";
import { http } from "./routes.ts";
import { httpServer } from "./server.ts";

const api = http({
  title: "Counters",
  statuses: { NotOpen: 404 },
  routes: { "POST /counters": counters.commands.Open, "POST /counters/{id}/add": counters.commands.Add },
});

async function setUp(t: TestContext) {
  const w = await commandWorld();
  const commands = commandHandler({
    store: memoryEventStore(w.database),
    aggregates: [counters],
    identities: new Map([["counters", w.identity]]),
    logger: w.logger,
  });
  const acceptance = w.acceptance();
  const server = httpServer(api, {
    commands,
    acceptance,
    health: { ready: async () => ({ ready: true, checks: [] }) },
    roles: ["command"],
    logger: w.logger,
  });
  t.after(async () => {
    await server.close();
    await acceptance.close();
    await commands.close();
    await w[Symbol.asyncDispose]();
  });
  const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
    server.fastify.inject({
      method: "POST",
      url,
      headers: { "content-type": "application/json", ...headers },
      payload: JSON.stringify(body),
    });
  const get = (url: string) => server.fastify.inject({ method: "GET", url });
  return { ...w, server, acceptance, post, get };
}

const asked = { prefer: "respond-async" };

test("respond-async: 202 with the command's place, pending until it is decided, then the synchronous answer", async (t) => {
  const { post, get, processor, settled } = await setUp(t);
  const accepted = await post("/counters", { counterId: "a" }, asked);
  assert.equal(accepted.statusCode, 202);
  assert.equal(accepted.headers["preference-applied"], "respond-async");
  assert.equal(accepted.headers["consistency-token"], undefined);
  const location = accepted.headers["location"] as string;
  assert.equal(location, `/commands/${accepted.json<{ commandId: string }>().commandId}`);
  const pending = await get(location);
  assert.deepEqual([pending.statusCode, pending.json<{ status: string }>().status, pending.headers["retry-after"]], [200, "pending", "1"]);
  const refused = await post("/counters/none/add", { by: 1 }, asked);
  processor();
  await settled();
  const decided = await get(location);
  assert.deepEqual(decided.json(), {
    commandId: location.slice("/commands/".length),
    status: "accepted",
    answer: { status: 202, body: { counterId: "a", version: 1 } },
  });
  assert.equal(typeof decided.headers["consistency-token"], "string");
  const rejected = (await get(refused.headers["location"] as string)).json<{
    status: string;
    answer: { status: number; body: { code: string } };
  }>();
  assert.deepEqual([rejected.status, rejected.answer.status, rejected.answer.body.code], ["rejected", 404, "NotOpen"]);
});

test("an idempotency key gives the command id: a repeat gets the same 202 and place, another body is refused once the first is decided", async (t) => {
  const { post, processor, settled, database } = await setUp(t);
  const keyed = { ...asked, "idempotency-key": "k-1" };
  const first = await post("/counters", { counterId: "a" }, keyed);
  const second = await post("/counters", { counterId: "a" }, keyed);
  assert.deepEqual([second.statusCode, second.body, second.headers["location"]], [first.statusCode, first.body, first.headers["location"]]);
  processor();
  await settled();
  const third = await post("/counters", { counterId: "a" }, keyed);
  assert.deepEqual([third.statusCode, third.body, third.headers["location"]], [first.statusCode, first.body, first.headers["location"]]);
  assert.equal(database.log("counters").partitions.flat().length, 1);
  const other = await post("/counters", { counterId: "b" }, keyed);
  assert.deepEqual([other.statusCode, other.json<{ code: string }>().code], [422, "IDEMPOTENCY_KEY_REUSED"]);
  const sync = await post("/counters", { counterId: "a" }, { "idempotency-key": "k-1" });
  assert.deepEqual([sync.statusCode, sync.headers["idempotent-replayed"]], [202, "true"]);
});

test("respond-async, wait=N: the synchronous answer where it comes in time, else 202 with the place", async (t) => {
  const { post, processor, broker } = await setUp(t);
  const late = await post("/counters", { counterId: "a" }, { prefer: "respond-async, wait=0" });
  assert.deepEqual([late.statusCode, Object.keys(late.json<object>())], [202, ["commandId"]]);
  const waiting = post("/counters/a/add", { by: 2 }, { prefer: "respond-async, wait=30" });
  const refused = post("/counters/b/add", { by: 2 }, { prefer: "wait=30, respond-async" });
  const version = post("/counters/a/add", { by: 2 }, { "prefer": "respond-async, wait=30", "if-match": '"9"' });
  await eventually("they are accepted", () => broker.records.flat().length === 4);
  processor();
  const [added, not, mismatch] = [await waiting, await refused, await version];
  assert.deepEqual(
    [
      added.statusCode,
      added.json(),
      added.headers["etag"],
      added.headers["location"],
      added.headers["preference-applied"],
      added.headers["idempotent-replayed"],
    ],
    [202, { counterId: "a", version: 2 }, '"2"', "/counters/a", "respond-async, wait=30", undefined],
  );
  assert.deepEqual([not.statusCode, not.json<{ code: string }>().code], [404, "NotOpen"]);
  assert.deepEqual([mismatch.statusCode, mismatch.json<{ code: string }>().code], [412, "VERSION_MISMATCH"]);
  assert.match(String(mismatch.headers["content-type"]), /^application\/problem\+json/);
});

test("what is wrong with a request is said at once; unknown and impossible ids are 404", async (t) => {
  const { post, get, broker, server } = await setUp(t);
  const wrong = [
    [await post("/counters", { counterId: "a", extra: 1 }, asked), 422],
    [await post("/counters/a/add", { by: "1" }, asked), 422],
    [await post("/counters/a/add", { by: 1 }, { ...asked, "idempotency-key": "a b" }), 400],
    [await post("/counters/a/add", { by: 1 }, { ...asked, "content-type": "text/plain" }), 415],
  ] as const;
  for (const [reply, status] of wrong) assert.equal(reply.statusCode, status);
  assert.equal(broker.records.flat().length, 0);
  for (const id of ["unknown", "x".repeat(300), "%20", "a%0Ab"]) assert.equal((await get(`/commands/${id}`)).statusCode, 404, id);
  assert.equal((await server.fastify.inject({ method: "POST", url: "/commands/x" })).statusCode, 405);
  assert.ok("/commands/{id}" in server.openApi.paths);
});
