/** Seeded clients that do what the example's users do: few customers, so that renames race with orders; orders before their customer; strangers' orders; repeats. */
import { mark } from "./check-commands.ts";
import type { Client, Kept, Targets } from "./client.ts";
import { clientOf } from "./client.ts";
import type { CommandKind, CommandRecord, History, ReadRecord } from "./history.ts";
import type { Random } from "./random.ts";

export interface LoadOptions {
  /** Distinguishes the keys of this load from those of all others in the same stores. */
  readonly name: string;
  readonly random: Random;
  readonly clients: number;
  readonly customers: number;
  readonly targets: Targets;
  readonly history: History;
  /** No new command after it; those under way are repeated until answered. */
  readonly stop: AbortSignal;
  /** From then on commands stay unanswered. */
  readonly giveUp: AbortSignal;
}

interface Shared {
  readonly customers: readonly string[];
  /** Orders of all clients, the newest at the end. */
  readonly orders: { readonly id: string; readonly customerId: string }[];
}

const weights = { create: 24, item: 20, submit: 14, pay: 14, ship: 6, cancel: 7, rename: 9, register: 3, repeat: 3 } as const;

/** Resolves when every client has ended; each command then has an answer unless `giveUp` came first. */
export async function runLoad(options: LoadOptions): Promise<void> {
  const shared: Shared = {
    customers: Array.from({ length: options.customers }, (_, i) => `${options.name}-cust-${i}`),
    orders: [],
  };
  await Promise.all(
    Array.from({ length: options.clients }, async (_, i) => {
      const name = `${options.name}-c${i}`;
      const random = options.random.fork(name);
      const client = clientOf({ name, random, targets: options.targets, history: options.history, giveUp: options.giveUp });
      await live(client, random, shared, options.stop);
    }),
  );
}

async function live(client: Client, random: Random, shared: Shared, stop: AbortSignal): Promise<void> {
  const mine: { id: string; customerId: string }[] = [];
  const kept = new Map<string, Kept>();
  const done: CommandRecord[] = [];
  let created = 0;

  const run = async (kind: CommandKind, path: string, body: (key: string) => unknown): Promise<Kept | null> => {
    const outcome = await client.command(kind, path, body);
    if (outcome === null) return null;
    done.push(outcome.record);
    if (outcome.kept !== null) kept.set(outcome.kept.promised.stream, outcome.kept);
    return outcome.kept;
  };
  const item = (key: string) => ({
    productId: `p-${random.below(50)}`,
    name: `Tea ${mark(key)}`,
    quantity: 1 + random.below(5),
    unitPrice: `${random.below(90)}.${10 + random.below(90)}`,
  });
  /** Mostly an order of one's own, sometimes a stranger's. */
  const anOrder = () =>
    mine.length > 0 && !random.chance(0.15)
      ? random.pick(mine.slice(-4))
      : shared.orders.length > 0
        ? random.pick(shared.orders.slice(-40))
        : null;

  async function readBack(written: Kept, customerId: string): Promise<ReadRecord | null> {
    const customer = kept.get(customerId);
    const tokens = customer !== undefined && customer !== written && random.chance(0.5) ? [written, customer] : [written];
    if (written.promised.log === "customers") {
      return random.chance(0.6)
        ? await client.read("customer", `/customers/${customerId}`, tokens)
        : await client.read("list", `/customers/${customerId}/orders?limit=25`, tokens);
    }
    const where = random.next();
    if (where < 0.6) return await client.read("order", `/orders/${written.promised.stream}`, tokens);
    return await client.read("list", where < 0.8 ? `/customers/${customerId}/orders?limit=25` : "/orders?limit=25", tokens);
  }

  /** The amount due is what a read with the own token says. */
  async function pay(order: { id: string; customerId: string }): Promise<Kept | null> {
    const known = kept.get(order.id);
    const read = await client.read("order", `/orders/${order.id}`, known === undefined ? [] : [known]);
    const total = read?.status === 200 ? (read.body as { order: { total: string } }).order.total : "1.00";
    return await run("PayOrder", `/orders/${order.id}/pay`, (key) => ({
      method: `card ${mark(key)}`,
      amount: random.chance(0.1) ? "0.01" : total,
    }));
  }

  async function step(): Promise<void> {
    const order = anOrder();
    const action = random.weighted(weights);
    let written: Kept | null = null;
    let customerId = order?.customerId ?? random.pick(shared.customers);
    if (action === "repeat") {
      if (done.length > 0) await client.repeat(random.pick(done.slice(-200)));
    } else if (action === "create" || (order === null && action !== "rename" && action !== "register")) {
      customerId = random.pick(shared.customers);
      const asked = random.chance(0.5)
        ? { orderId: random.chance(0.05) && order !== null ? order.id : `${client.name}-o${++created}` }
        : {};
      written = await run("CreateOrder", "/orders", (key) => ({
        ...asked,
        customerId,
        items: [item(key), ...(random.chance(0.3) ? [item(key)] : [])],
      }));
      if (written !== null) {
        mine.push({ id: written.promised.stream, customerId });
        shared.orders.push({ id: written.promised.stream, customerId });
      }
    } else if (action === "rename" || action === "register" || order === null) {
      customerId = random.pick(shared.customers);
      written =
        action === "rename"
          ? await run("RenameCustomer", `/customers/${customerId}/rename`, (key) => ({ name: `Anne ${mark(key)}` }))
          : await run("RegisterCustomer", "/customers", (key) => ({ customerId, name: `Ann ${mark(key)}`, email: "ann@example.org" }));
    } else if (action === "item") written = await run("AddItem", `/orders/${order.id}/items`, item);
    else if (action === "submit") written = await run("SubmitOrder", `/orders/${order.id}/submit`, () => ({}));
    else if (action === "pay") written = await pay(order);
    else if (action === "ship")
      written = await run("ShipOrder", `/orders/${order.id}/ship`, (key) => ({ carrier: "post", trackingNumber: `T ${mark(key)}` }));
    else written = await run("CancelOrder", `/orders/${order.id}/cancel`, (key) => ({ reason: `no ${mark(key)}` }));
    if (written !== null && random.chance(0.6)) await readBack(written, customerId);
  }

  while (!stop.aborted) await step();
}
