/** Every read model through the HTTP API, and the topic by a plain consumer, against what the log says. */
import { isDeepStrictEqual } from "node:util";
import { formatToken } from "../../src/core/token.ts";
import { dumpWriteStore } from "../dump-stores.ts";
import type { Stores, Violation } from "../history.ts";
import { send } from "../http.ts";
import { foldLog } from "../oracle.ts";
import { type Expected, expectedOf, type Summary } from "./expected.ts";
import type { Parts } from "./parts.ts";
import { readTopic } from "./topic.ts";

export interface Comparison {
  readonly counts: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
  readonly stores: Pick<Stores, "logs" | "heads" | "events" | "commands">;
}

type Get = (path: string) => Promise<unknown>;
const concurrency = 16;
const waitSeconds = 30;

/** Names the end of every partition of every log. */
export const tokenOf = ({ heads, logs }: Pick<Stores, "heads" | "logs">): string =>
  formatToken(
    heads
      .filter(({ position }) => position > 0)
      .map(({ log, partition, position }) => ({ log, partition, position, logId: logs.find((each) => each.log === log)!.logId })),
  );

/** Nothing may be written meanwhile. Whatever is not answered fresh within half a minute is a violation. */
export async function compare(parts: Parts): Promise<Comparison> {
  const stores = await dumpWriteStore(parts.write);
  const expected = expectedOf(foldLog(stores.events));
  const headers = { "consistency-token": tokenOf(stores), "prefer": `wait=${waitSeconds}` };
  const violations: Violation[] = [];
  const get: Get = async (path) => {
    const reply = await send({ method: "GET", url: parts.query.url + path, headers, timeoutMs: (waitSeconds + 15) * 1_000 });
    if (reply.status !== 200 || reply.stale !== "false")
      violations.push({ kind: "read", text: `GET ${path}: ${reply.status ?? reply.problem} ${reply.code ?? ""}, stale: ${reply.stale}` });
    return reply.body;
  };
  const same = (what: string, found: unknown, wanted: unknown): void => {
    if (!isDeepStrictEqual(found, wanted))
      violations.push({ kind: "view", text: `${what}: expected ${short(wanted)}, found ${short(found)}` });
  };
  await each([...expected.details], async ([id, { order, version, lastUpdated }]) => {
    same(`order_details ${id}`, await get(`/orders/${id}`), { order, version, lastUpdated, stale: false });
  });
  await each([...expected.customers], async ([id, { customer, version, lastUpdated }]) => {
    same(`customer_profiles ${id}`, await get(`/customers/${id}`), { customer, version, lastUpdated, stale: false });
  });
  sameList("order_summaries", await pages(get, "/orders?limit=100"), expected.summaries, same);
  const { days } = expected;
  same("daily_order_stats", await get("/stats/daily"), { items: days });
  await compareSearch(get, expected, same);
  const topic = await readTopic(parts.brokers, `${parts.prefix}orders-read-g1`, stores.heads);
  for (const [id, document] of expected.topic) same(`orders-read ${id}`, topic.get(id), document);
  for (const id of topic.keys())
    if (!expected.topic.has(id)) violations.push({ kind: "view", text: `orders-read ${id} has no event in the log` });
  return {
    counts: {
      order_details: expected.details.size,
      order_summaries: expected.summaries.length,
      order_search: expected.summaries.length,
      customer_profiles: expected.customers.size,
      daily_order_stats: days.length,
      orders_read: topic.size,
    },
    violations,
    stores,
  };
}

type Same = (what: string, found: unknown, wanted: unknown) => void;

async function compareSearch(get: Get, { summaries }: Expected, same: Same): Promise<void> {
  const count = (list: readonly Summary[], field: "status" | "customerId") =>
    new Map([...Map.groupBy(list, (each) => each[field])].map(([value, those]) => [value, those.length]));
  sameList("order_search", await pages(get, "/orders/search?limit=100"), summaries, same);
  interface Facets {
    readonly total: number;
    readonly facets: Record<"status" | "customerId", { value: string; count: number }[]>;
  }
  const asked = async (query: string, wanted: readonly Summary[]) => {
    const found = (await get(`/orders/search?limit=1${query}`)) as Facets;
    same(`order_search '${query}' total`, found.total, wanted.length);
    const statuses = new Map(found.facets?.status.map(({ value, count }) => [value, count]));
    const byName = (counts: ReadonlyMap<string, number>) => [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
    same(`order_search '${query}' facet status`, byName(statuses), byName(count(wanted, "status")));
    const most = count(wanted, "customerId");
    const customers = found.facets?.customerId ?? [];
    same(
      `order_search '${query}' facet customerId`,
      customers.map(({ count }) => count),
      [...most.values()].toSorted((a, b) => b - a).slice(0, 20),
    );
    for (const { value, count } of customers) same(`order_search '${query}' facet customerId ${value}`, count, most.get(value));
  };
  await asked("", summaries);
  for (const status of new Set(summaries.map((each) => each.status)))
    await asked(
      `&status=${status}`,
      summaries.filter((each) => each.status === status),
    );
}

/** The first difference is told, not all that follow from it. */
function sameList(what: string, found: readonly unknown[], wanted: readonly unknown[], same: Same): void {
  same(`${what}, how many`, found.length, wanted.length);
  const first = wanted.findIndex((each, i) => !isDeepStrictEqual(each, found[i]));
  if (first !== -1) same(`${what}, item ${first}`, found[first], wanted[first]);
}

async function pages(get: Get, path: string): Promise<unknown[]> {
  const items: unknown[] = [];
  for (let cursor: string | null | undefined = ""; typeof cursor === "string";) {
    const page = (await get(path + (cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`))) as {
      items?: unknown[];
      nextCursor?: string | null;
    };
    items.push(...(page?.items ?? []));
    cursor = page?.nextCursor;
  }
  return items;
}

async function each<T>(list: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = list.values();
  const lane = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
}

const short = (value: unknown): string => (JSON.stringify(value) ?? "nothing").slice(0, 400);
