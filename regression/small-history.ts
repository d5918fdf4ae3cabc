/** A small, right history for the checker's own tests: each test spoils one thing of it. */
import { partitionOf } from "../src/core/partition.ts";
import { formatToken } from "../src/core/token.ts";
import { mark } from "./check-commands.ts";
import { viewLogs } from "./check-views.ts";
import type { CommandKind, CommandRecord, EventRow, ReadRecord, Stores, ViewDocument } from "./history.ts";
import { detailOf, foldLog, summaryOf } from "./oracle.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] | null ? E[] : T[K] };

export interface SmallHistory {
  readonly history: { commands: CommandRecord[]; reads: ReadRecord[] };
  readonly stores: Mutable<Stores>;
}

const partitions = 2;
const logIds = { orders: "11111111-1111-4111-8111-111111111111", customers: "22222222-2222-4222-8222-222222222222" };

export function smallHistory(): SmallHistory {
  const events: EventRow[] = [];
  const commands: CommandRecord[] = [];
  const versions = new Map<string, number>();
  const positions = new Map<string, number>();
  const run = (
    kind: CommandKind,
    path: string,
    body: unknown,
    log: "orders" | "customers",
    stream: string,
    type: string,
    data: unknown,
  ) => {
    const n = commands.length + 1;
    const version = (versions.get(stream) ?? 0) + 1;
    const partition = partitionOf(stream, partitions);
    const position = (positions.get(`${log}/${partition}`) ?? 0) + 1;
    versions.set(stream, version);
    positions.set(`${log}/${partition}`, position);
    const commandId = `command-${n}`;
    const time = `2026-01-01T00:00:${String(n).padStart(2, "0")}.000Z`;
    events.push({
      log,
      partition,
      position,
      stream,
      version,
      type,
      id: `event-${n}`,
      commandId,
      data: JSON.stringify(data),
      metadata: JSON.stringify({ time, commandId }),
    });
    commands.push({
      client: "c",
      key: `k${n}`,
      kind,
      path,
      body,
      unknown: 0,
      answers: [
        {
          process: "command-1",
          status: 202,
          code: null,
          replayed: false,
          body: { [log === "orders" ? "orderId" : "customerId"]: stream, version },
          token: formatToken([{ log, logId: logIds[log], partition, position }]),
        },
      ],
    });
  };
  const m = () => mark(`k${commands.length + 1}`);
  const line = () => ({ productId: "p", name: `Tea ${m()}`, quantity: 2, unitPrice: 625 });
  for (const order of ["o-1", "o-2", "o-3"])
    run("CreateOrder", "/orders", {}, "orders", order, "OrderCreated", { customerId: "a", items: [line()] });
  run("RegisterCustomer", "/customers", {}, "customers", "a", "CustomerRegistered", { name: `Ann ${m()}`, email: "a@b.c" });
  run("AddItem", "/orders/o-1/items", {}, "orders", "o-1", "ItemAdded", line());
  run("SubmitOrder", "/orders/o-1/submit", {}, "orders", "o-1", "OrderSubmitted", { total: 2500 });
  run("PayOrder", "/orders/o-1/pay", {}, "orders", "o-1", "OrderPaid", { method: `card ${m()}`, amount: 2500 });
  run("RenameCustomer", "/customers/a/rename", {}, "customers", "a", "CustomerRenamed", { name: `Anne ${m()}` });
  run("CancelOrder", "/orders/o-2/cancel", {}, "orders", "o-2", "OrderCancelled", { reason: `no ${m()}` });
  commands.push({
    client: "c",
    key: "k99",
    kind: "CreateOrder",
    path: "/orders",
    body: {},
    unknown: 0,
    answers: [
      { process: "command-1", status: 409, code: "OrderAlreadyExists", body: { code: "OrderAlreadyExists" }, token: null, replayed: false },
    ],
  });
  commands[0]!.unknown = 1;
  commands[0]!.answers.push({ ...commands[0]!.answers[0]!, process: "command-2", replayed: true });
  return { history: { commands, reads: readsOf(events) }, stores: storesOf(events) };
}

function storesOf(rows: readonly EventRow[]): Mutable<Stores> {
  const events = rows.toSorted((a, b) => (a.log < b.log ? -1 : a.log > b.log ? 1 : a.partition - b.partition || a.position - b.position));
  const heads = (["orders", "customers"] as const).flatMap((log) =>
    [0, 1].map((partition) => ({ log, partition, position: events.filter((e) => e.log === log && e.partition === partition).length })),
  );
  const folded = foldLog(events);
  const documents: ViewDocument[] = [];
  for (const [key, states] of folded.orders) {
    const state = states.at(-1)!;
    const customer = folded.customers.get(state.customerId)?.at(-1);
    documents.push({
      view: "order_summaries",
      key,
      document: summaryOf(state, customer),
      version: state.version,
      lastUpdated: state.lastUpdated,
    });
    documents.push({
      view: "order_details",
      key,
      document: detailOf(state, customer),
      version: state.version,
      lastUpdated: state.lastUpdated,
    });
  }
  for (const [key, states] of folded.customers) {
    const state = states.at(-1)!;
    documents.push({ view: "customer_profiles", key, document: state.customer, version: state.version, lastUpdated: state.lastUpdated });
  }
  const offsets = new Map<string, number>();
  const records = events.map((e) => {
    const offset = offsets.get(`${e.log}/${e.partition}`) ?? 0;
    offsets.set(`${e.log}/${e.partition}`, offset + 1);
    return {
      log: e.log,
      partition: e.partition,
      offset,
      key: e.stream,
      value: e.data,
      position: e.position,
      id: e.id,
      logId: logIds[e.log as "orders"],
    };
  });
  return {
    logs: (["orders", "customers"] as const).map((log) => ({ log, logId: logIds[log], partitions })),
    heads,
    events,
    records,
    documents,
    commands: events.map((e) => ({ commandId: e.commandId, log: e.log, stream: e.stream, version: e.version, withEvents: true })),
    checkpoints: Object.entries(viewLogs).flatMap(([view, logs]) =>
      heads
        .filter((h) => (logs as readonly string[]).includes(h.log))
        .map((h) => ({
          view,
          ...h,
          eventId: events.find((e) => e.log === h.log && e.partition === h.partition && e.position === h.position)?.id ?? null,
        })),
    ),
  };
}

function readsOf(events: readonly EventRow[]): ReadRecord[] {
  const folded = foldLog(events);
  const state = folded.orders.get("o-1")!.at(-1)!;
  const customers = folded.customers.get("a")!;
  const base = { client: "c", process: "query-1", status: 200, code: null };
  const promised = [
    { log: "orders", stream: "o-1", version: 4 },
    { log: "customers", stream: "a", version: 2 },
  ] as const;
  const page = ["o-3", "o-2", "o-1"].map((o) => summaryOf(folded.orders.get(o)!.at(-1)!, customers[1]));
  return [
    {
      ...base,
      shape: "order",
      path: "/orders/o-1",
      promised,
      body: { order: detailOf(state, customers[1]), version: 4, lastUpdated: state.lastUpdated, stale: false },
    },
    {
      ...base,
      shape: "order",
      path: "/orders/o-1",
      promised: [],
      body: { order: detailOf(folded.orders.get("o-1")![0]!, undefined), version: 1, lastUpdated: "2026-01-01T00:00:01.000Z", stale: true },
    },
    {
      ...base,
      shape: "customer",
      path: "/customers/a",
      promised: [promised[1]],
      body: { customer: customers[1]!.customer, version: 2, lastUpdated: customers[1]!.lastUpdated, stale: false },
    },
    { ...base, shape: "list", path: "/customers/a/orders?limit=20", promised, body: { items: page, nextCursor: null } },
    { ...base, shape: "list", path: "/orders?limit=2", promised, body: { items: page.slice(0, 2), nextCursor: "x" } },
    { ...base, shape: "order", path: "/orders/o-1", promised, status: 503, code: "READ_MODEL_BEHIND", body: {} },
  ];
}
