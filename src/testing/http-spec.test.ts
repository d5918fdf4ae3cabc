/** The HTTP part of the kit, on the example service: what it accepts, and above all what it finds. */
import assert, { AssertionError } from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { customers, orders } from "../../examples/orders/domain.ts";
import { ordersService } from "../../examples/orders/main.ts";
import { orderDetails } from "../../examples/orders/views.ts";
import { aggregate, view } from "../core/index.ts";
import { get, http } from "../http/index.ts";
import { service } from "../service/service.ts";
import { at, spec, stream, testApp } from "./index.ts";

const { OrderCreated, OrderSubmitted } = orders.events;
const ann = stream(customers, "c-1", [customers.events.CustomerRegistered({ name: "Ann", email: "a@b.c" })]);
const coffee = { productId: "coffee", name: "Coffee, 250 g", quantity: 2 };
const created = OrderCreated({ customerId: "c-1", items: [{ ...coffee, unitPrice: 625 }] });
const submitted = OrderSubmitted({ total: 1250 });
const open = spec(ordersService).given(ann, stream(orders, "o-1", [at("2026-03-01T10:00:00Z", created)]));

const fails = (run: () => PromiseLike<unknown>, text: RegExp) =>
  assert.rejects(
    async () => await run(),
    (error) => {
      assert.ok(error instanceof Error);
      assert.match(error.message, text);
      return true;
    },
  );

test("what was given is shown, and a write is shown by the reads after it", async () => {
  const last = await open
    .when("GET /orders/o-1")
    .then({
      status: 200,
      headers: { "Read-Model-Stale": "false" },
      body: { order: { status: "CREATED", total: "12.50", customer: { name: "Ann" } }, version: 1, stale: false },
    })
    .when("POST /orders/o-1/submit")
    .then({ status: 202, headers: { "ETag": '"2"', "Consistency-Token": /^1\./, "Idempotent-Replayed": null }, body: { version: 2 } })
    .when("POST /orders/o-1/pay", { body: { method: "card", amount: "12.50" } })
    .then({ status: 202 })
    .when("GET /orders/o-1")
    .then({ status: 200, body: { order: { status: "PAID", payment: { method: "card", amount: "12.50" } }, version: 3, stale: false } });
  assert.equal((last.body as { version: number }).version, 3);
});

test("a rename is seen in the list of orders", async () => {
  await open
    .when("POST /customers/c-1/rename", { body: { name: "Anne" } })
    .then({ status: 202 })
    .when("GET /orders?status=CREATED")
    .then({ status: 200, body: { items: [{ orderId: "o-1", customerName: "Anne", createdAt: "2026-03-01T10:00:00.000Z" }] } });
});

test("refusals: of what is not there, of what may not be, of what is not valid, of another version", async () => {
  await spec(ordersService)
    .when("POST /orders/o-1/submit")
    .then({ status: 404, headers: { "content-type": /^application\/problem\+json/ }, body: { code: "OrderNotFound" } })
    .when("GET /orders/o-1")
    .then({ status: 404, body: { code: "OrderNotFound" } });
  await spec(ordersService)
    .given(stream(orders, "o-1", [created, submitted]))
    .when("POST /orders/o-1/submit")
    .then({ status: 409, body: { code: "OrderNotOpen" } })
    .when("POST /orders/o-1/pay", { body: { method: "card", amount: "1.00" } })
    .then({ status: 422, body: { code: "AmountMismatch", detail: "The amount due is 12.50." } })
    .when("POST /orders/o-1/pay", { body: { method: "", amount: "12.50" } })
    .then({ status: 422, body: { code: "INVALID_INPUT" } })
    .when("POST /orders/o-1/cancel", { body: { reason: "late" }, headers: { "If-Match": '"1"' } })
    .then({ status: 412 });
});

test("a request can be made from the answer before it, and a repeat gets the first answer", async () => {
  const create = { body: { customerId: "c-1", items: [{ ...coffee, unitPrice: "6.25" }] }, headers: { "Idempotency-Key": '"k-1"' } };
  await spec(ordersService)
    .given(ann)
    .when("POST /orders", create)
    .then({ status: 202, body: { version: 1 } })
    .when("POST /orders", create)
    .then({ status: 202, headers: { "idempotent-replayed": "true" } })
    .when(({ headers }) => `GET ${headers["location"]}`)
    .then({ status: 200, body: { order: { customer: { name: "Ann" } } } });
});

test("GETs carry the tokens of the answers before them, unless they are told not to", async () => {
  const submit = open.when("POST /orders/o-1/submit").then({ status: 202 });
  const wrong = { status: 418 };
  await fails(() => submit.when("GET /orders/o-1").then(wrong), /sent [^]*consistency-token[^]*expected/);
  await fails(() => submit.when("GET /orders/o-1", { token: false }).then(wrong), /sent \{ headers: \{\} \}\nexpected/);
  await fails(
    () => submit.when("GET /orders/o-1", { headers: { "Consistency-Token": "2.x" } }).then({ status: 400, body: { code: "X" } }),
    /sent \{ headers: \{ 'Consistency-Token': '2\.x' \} \}[^]*INVALID_TOKEN/,
  );
  await fails(() => submit.when("POST /orders/o-1/submit").then(wrong), /sent \{ headers: \{\} \}\nexpected/);
});

test("each case has a service of its own", async () => {
  const submit = open.when("POST /orders/o-1/submit").then({ status: 202 });
  await submit;
  await Promise.all(
    [submit.when("GET /orders/o-1"), open.when("POST /orders/o-1/submit")].map((when, i) => when.then({ status: [200, 202][i]! })),
  );
});

test("a wrong expectation fails, and says what was sent, expected and answered, and where", async () => {
  const error = await open
    .when("POST /orders/o-1/pay", { body: { method: "card", amount: "1.00" } })
    .then({ status: 202, headers: { etag: '"2"' }, body: { version: 2 } })
    .when("GET /nowhere")
    .then({ status: 200 })
    .then(
      () => assert.fail("it passed"),
      (reason: unknown) => reason,
    );
  assert.ok(error instanceof AssertionError);
  assert.match(error.message, /^POST \/orders\/o-1\/pay did not answer as expected\.\nsent .*amount: '1\.00'/);
  assert.match(
    error.message,
    /\nexpected \{ status: 202, headers: \{ etag: '"2"' \}, body: \{ version: 2 \} \}\nanswered \{\n {2}status: 409,/,
  );
  assert.match(error.message, /code: 'OrderNotPayable'/);
  assert.deepEqual(error.actual, { status: 409, headers: { etag: null }, body: {} });
  assert.match(error.stack ?? "", /at .*http-spec\.test\.ts:\d+/);

  const got = open.when("GET /orders");
  for (const body of [
    { items: [] },
    { items: [{ orderId: "o-2" }] },
    { items: [{}, {}] },
    { items: [{ missing: null }] },
    { items: {} },
    null,
  ])
    await fails(() => got.then({ status: 200, body }), /did not answer as expected/);
  for (const headers of [{ "cache-control": /public/ }, { "cache-control": null }, { "x-none": "" }, { "x-none": /^/ }])
    await fails(() => got.then({ status: 200, headers }), /did not answer as expected/);
});

test("a spec that is not finished, or finished twice, fails where it is awaited", async () => {
  await fails(() => open as unknown as PromiseLike<void>, /says nothing yet/);
  await fails(() => open.when("GET /orders") as unknown as PromiseLike<void>, /not finished/);
  const twice = open.when("GET /orders").then({ status: 200 }) as unknown as { then(expected: object): void };
  assert.throws(() => twice.then({ status: 200 }), /After 'then' comes 'when'/);
  assert.throws(() => open.when("GET orders"), /is no request/);
});

test("a case that nobody awaits is run", async () => {
  const loaded = Promise.withResolvers<void>();
  const clock = { now: () => (loaded.resolve(), new Date("2026-05-01T00:00:00Z")) };
  const running = spec(ordersService, { clock })
    .given(stream(orders, "o-1", [created]))
    .when("POST /orders/o-1/submit")
    .then({ status: 202 });
  await loaded.promise;
  assert.equal((await running).status, 202);
});

test("what is no history of the service, or has no route, is refused", async () => {
  const other = service({ name: "other", aggregates: [customers], views: [] });
  await fails(
    () =>
      spec(other)
        .given(stream(orders, "o-1", [created]))
        .when("GET /x")
        .then({ status: 200 }),
    /no aggregate of service 'other'/,
  );
  await fails(() => spec(other).when("GET /x").then({ status: 200 }), /has no HTTP API/);
  await fails(() => spec(ordersService).given(ann, ann).when("GET /orders").then({ status: 200 }), /given twice/);
});

const notes = aggregate(
  "notes",
  { id: "noteId", commands: { Write: z.object({ text: z.string() }) }, events: { Written: z.object({ text: z.string() }) }, initial: 0 },
  { decide: { Write: (_, { data }, { Written }) => Written(data) }, evolve: { Written: (n) => n } },
);
const upper = view(
  "upper",
  { document: z.object({ text: z.string() }), from: [notes] },
  {
    create: {
      Written: ({ data }) => {
        if (data.text === "") throw new Error("nothing to show");
        return data;
      },
    },
    on: {},
  },
);
const notesService = service({
  name: "notes",
  aggregates: [notes],
  views: [upper],
  http: http({ title: "Notes", routes: { "POST /notes": notes.commands.Write, "GET /notes/{id}": get(upper, { as: "note" }) } }),
});

test("a view that cannot apply an event is told with the handler's problem", async () => {
  await fails(
    () =>
      spec(notesService)
        .given(stream(notes, "n-1", [notes.events.Written({ text: "" })]))
        .when("GET /notes/n-1")
        .then({ status: 200 }),
    /cannot be shown: view 'upper': .*nothing to show/,
  );
  await fails(
    () =>
      spec(notesService)
        .when("POST /notes", { body: { noteId: "n-1", text: "" } })
        .then({ status: 202 })
        .when("GET /notes/n-1", { headers: { prefer: "wait=0" } })
        .then({ status: 200 }),
    /READ_MODEL_BEHIND[^]*The service logged:[^]*nothing to show/,
  );
});

test("a test app executes, reads and answers, and is closed once", async () => {
  const app = await testApp(ordersService, {
    given: [ann, stream(orders, "o-1", [created])],
    clock: { now: () => new Date("2026-05-01T00:00:00.000Z") },
  });
  const outcome = await app.execute(orders.commands.SubmitOrder("o-1"));
  assert.ok(outcome.accepted);
  const found = await app.read(orderDetails, { token: outcome.token }).get("o-1");
  assert.deepEqual(found?.document.history.at(-1), { status: "SUBMITTED", at: "2026-05-01T00:00:00.000Z" });
  assert.equal((await app.request("GET /readyz")).status, 200);
  assert.match(String((await app.request("GET /docs")).body), /<html/i);
  assert.deepEqual(app.problems, []);
  await app.close();
  await app[Symbol.asyncDispose]();
  await assert.rejects(app.execute(orders.commands.SubmitOrder("o-1")), /closed/i);
});
