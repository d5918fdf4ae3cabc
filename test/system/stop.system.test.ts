/** A stop does not wait for reads that wait. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { orders } from "../../examples/orders/domain.ts";
import { ordersService } from "../../examples/orders/main.ts";
import { formatToken, parseToken } from "../../src/core/token.ts";

test("a read that waits for its token is ended by a stop, with a 503 that says to repeat it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-stop-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const app = await ordersService.start({ environment: { TIDEMARK_DATA: join(folder, "data"), PORT: "0", LOG_LEVEL: "error" } });
  const made = await app.execute(
    orders.commands.CreateOrder("o-1", { customerId: "c-1", items: [{ productId: "p-1", name: "Tea", quantity: 1, unitPrice: "1" }] }),
  );
  assert.ok(made.accepted);
  const future = formatToken(parseToken(made.token).map((part) => ({ ...part, position: part.position + 1 })));
  const reading = fetch(`${app.url}/orders/o-1`, { headers: { "Consistency-Token": future, "Prefer": "wait=30" } });
  // seen by the service, and waiting
  while (app.queries?.waiting !== 1) await new Promise(setImmediate);
  const stopping = app.close();
  const answer = await reading;
  assert.equal(answer.status, 503);
  assert.equal(((await answer.json()) as { code: string }).code, "UNAVAILABLE");
  await stopping;
});
