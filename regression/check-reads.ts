import { isDeepStrictEqual } from "node:util";
import type { Promised, ReadRecord, Violation } from "./history.ts";
import type { CustomerState, Folded, OrderState } from "./oracle.ts";
import { detailOf, summaryOf } from "./oracle.ts";

/** Answers that say that they have no data: late, or a part is down. Anything else must be data. */
const excused = new Set(["READ_MODEL_BEHIND", "UNAVAILABLE", "OVERLOADED"]);

export interface ReadCheck {
  readonly violations: Violation[];
  /** Reads that gave data. */
  readonly fresh: number;
  /** Reads that were refused by one of the codes that may be given. */
  readonly refused: number;
}

/** Every answer must be one whole state of its documents, and no older than the token promised (I5, I9). */
export function checkReads(reads: readonly ReadRecord[], folded: Folded): ReadCheck {
  const violations: Violation[] = [];
  let refused = 0;
  for (const read of reads) {
    if (read.status === 503 && read.code !== null && excused.has(read.code)) {
      refused++;
      continue;
    }
    for (const problem of problemsOf(read, folded)) {
      violations.push({ kind: "read", text: `${read.client} GET ${read.path} from ${read.process}: ${problem}` });
    }
  }
  return { violations, fresh: reads.length - refused, refused };
}

function problemsOf(read: ReadRecord, folded: Folded): string[] {
  const least = (log: Promised["log"], stream: string) =>
    read.promised.reduce((version, p) => (p.log === log && p.stream === stream ? Math.max(version, p.version) : version), 0);
  if (read.shape === "list") return read.status === 200 ? listProblems(read, folded, least) : [`status ${read.status} ${read.code}`];
  const stream = read.path.split("/")[2]!;
  const promised = least(read.shape === "order" ? "orders" : "customers", stream);
  if (read.status === 404) return promised > 0 ? [`404, promised was version ${promised}`] : [];
  if (read.status !== 200) return [`status ${read.status} ${read.code}`];
  const body = read.body as { order?: unknown; customer?: unknown; version: number; lastUpdated: string };
  if (body.version < promised) return [`version ${body.version}, promised was ${promised}`];
  if (read.shape === "customer") {
    const state = folded.customers.get(stream)?.[body.version - 1];
    const same = state !== undefined && isDeepStrictEqual(body.customer, state.customer) && body.lastUpdated === state.lastUpdated;
    return same ? [] : [`is no state of the customer: ${JSON.stringify(body)}`];
  }
  const state = folded.orders.get(stream)?.[body.version - 1];
  if (state === undefined) return [`version ${body.version} is none of the order's`];
  if (body.lastUpdated !== state.lastUpdated) return [`lastUpdated ${body.lastUpdated}, expected ${state.lastUpdated}`];
  const name = (body.order as { customer?: { name?: unknown } } | undefined)?.customer?.name ?? null;
  return copyProblems(name, state, folded, least, (customer) => isDeepStrictEqual(body.order, detailOf(state, customer)), body.order);
}

type Least = (log: Promised["log"], stream: string) => number;

/** The customer's fields in an order must be those of one state of the customer, and no older than promised. */
function copyProblems(
  name: unknown,
  state: OrderState,
  folded: Folded,
  least: Least,
  same: (customer: CustomerState | undefined) => boolean,
  document: unknown,
): string[] {
  const customer = name === null ? undefined : folded.customers.get(state.customerId)?.find((c) => c.customer.name === name);
  if (name !== null && customer === undefined) return [`the customer ${state.customerId} never had the name ${JSON.stringify(name)}`];
  const promised = least("customers", state.customerId);
  if ((customer?.version ?? 0) < promised) return [`the customer's name is of version ${customer?.version ?? 0}, promised was ${promised}`];
  return same(customer) ? [] : [`is no state of the order at version ${state.version}: ${JSON.stringify(document)}`];
}

interface Item {
  readonly orderId: string;
  readonly customerId: string;
  readonly customerName: unknown;
  readonly createdAt: string;
  readonly updatedAt: string;
}

function listProblems(read: ReadRecord, folded: Folded, least: Least): string[] {
  const items = (read.body as { items: Item[] }).items;
  const problems: string[] = [];
  for (const [i, item] of items.entries()) {
    const before = items[i - 1];
    if (before !== undefined && newer(item, before)) problems.push(`${item.orderId} comes after ${before.orderId}, which is older`);
    const states = folded.orders.get(item.orderId) ?? [];
    const candidates = states.filter((s) => s.lastUpdated === item.updatedAt && s.version >= least("orders", item.orderId));
    if (candidates.length === 0)
      problems.push(`${item.orderId} as of ${item.updatedAt} is no state of it from version ${least("orders", item.orderId)} on`);
    else {
      const all = candidates.map((state) =>
        copyProblems(item.customerName, state, folded, least, (c) => isDeepStrictEqual(item, summaryOf(state, c)), item),
      );
      if (all.every((p) => p.length > 0)) problems.push(...all[0]!);
    }
  }
  const url = new URL(read.path, "http://list");
  const limit = Number(url.searchParams.get("limit") ?? 20);
  const inCustomer = /^\/customers\/([^/]+)\/orders$/.exec(url.pathname)?.[1];
  for (const { log, stream } of read.promised) {
    const order = log === "orders" ? folded.orders.get(stream)?.[0] : undefined;
    if (order === undefined || (inCustomer !== undefined && order.customerId !== inCustomer) || items.some((i) => i.orderId === stream))
      continue;
    const oldest = items.at(-1);
    const pushedOff = items.length === limit && oldest !== undefined && newer(oldest, { orderId: stream, createdAt: order.lastUpdated });
    if (!pushedOff) problems.push(`${stream} is missing, promised was version ${least("orders", stream)}`);
  }
  return problems;
}

const newer = (a: { createdAt: string; orderId: string }, b: { createdAt: string; orderId: string }) =>
  a.createdAt > b.createdAt || (a.createdAt === b.createdAt && a.orderId > b.orderId);
