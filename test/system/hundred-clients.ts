/** 100 clients at once: each writes and at once reads with the token of its write, from any query process. */
import assert from "node:assert/strict";
import type { Targets } from "../../regression/client.ts";
import { send } from "../../regression/http.ts";

export interface HundredClients {
  readonly reads: number;
  /** Reads that gave old or no data, in words. */
  readonly wrong: readonly string[];
}

/** Throws where a write fails; reads are judged by the caller. */
export async function hundredClients(name: string, targets: Targets, writesEach = 3): Promise<HundredClients> {
  const wrong: string[] = [];
  let reads = 0;
  const target = (list: Targets["commands"], n: number) => list[n % list.length]!.url;

  async function read(path: string, token: string, n: number, right: (body: never) => boolean): Promise<void> {
    reads++;
    const reply = await send({
      method: "GET",
      url: target(targets.queries, n) + path,
      headers: { "consistency-token": token, "prefer": "wait=30" },
      timeoutMs: 40_000,
    });
    if (reply.status !== 200 || !right(reply.body as never))
      wrong.push(`GET ${path}: ${reply.status ?? reply.problem} ${JSON.stringify(reply.body).slice(0, 300)}`);
  }

  async function write(
    path: string,
    body: unknown,
    n: number,
  ): Promise<{ readonly orderId: string; readonly version: number; readonly token: string }> {
    const reply = await send({ method: "POST", url: target(targets.commands, n) + path, body, timeoutMs: 40_000 });
    assert.equal(reply.status, 202, `POST ${path}: ${reply.problem ?? JSON.stringify(reply.body)}`);
    assert.ok(reply.token !== null);
    return { ...(reply.body as { orderId: string; version: number }), token: reply.token };
  }

  const item = { productId: "p-1", name: "Tea", quantity: 2, unitPrice: "6.25" };
  await Promise.all(
    Array.from({ length: 100 }, async (_, n) => {
      const customerId = `${name}-${n}`;
      for (let i = 0; i < writesEach; i++) {
        const created = await write("/orders", { customerId, items: [item] }, n);
        await Promise.all([
          read(
            `/orders/${created.orderId}`,
            created.token,
            n,
            (b: { version: number; order: { total: string } }) => b.version === 1 && b.order.total === "12.50",
          ),
          read(
            `/customers/${customerId}/orders`,
            created.token,
            n + 1,
            (b: { items: { orderId: string }[] }) => b.items[0]?.orderId === created.orderId && b.items.length === i + 1,
          ),
        ]);
        const added = await write(`/orders/${created.orderId}/items`, item, n + 1);
        await read(
          `/orders/${created.orderId}`,
          added.token,
          n + i,
          (b: { version: number; order: { total: string } }) => b.version === 2 && b.order.total === "25.00",
        );
      }
    }),
  );
  return { reads, wrong };
}
