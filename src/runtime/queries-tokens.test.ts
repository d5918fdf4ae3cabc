import assert from "node:assert/strict";
import { test } from "node:test";
import { fails, quantity, setting, waitsIn } from "../../test/query-setting.ts";
import { productStats as view } from "../../test/view-domain.ts";
import { formatToken, maxTokenParts, type Token } from "../core/token.ts";
import type { ReadOptions } from "./app.ts";

test("INVALID_TOKEN: what is no token, another log id, a partition that there is not, too many parts", async (t) => {
  const s = await setting(t);
  const part = await s.happen(0);
  await s.apply(0);
  const other = { ...part, logId: "00000000-0000-4000-8000-00000000ffff" };
  const cases: readonly (readonly [NonNullable<ReadOptions["token"]>, RegExp])[] = [
    ["nonsense" as Token, /not made by this service/],
    [formatToken([other]), /log 'orders' is another one now/],
    [formatToken([{ ...part, partition: 2 }]), /has no partition 2/],
    [Array.from({ length: maxTokenParts + 1 }, (_, partition) => ({ ...part, log: "others", partition })), /more than 64 parts/],
  ];
  for (const [token, problem] of cases) {
    await assert.rejects(
      quantity(s, { token, waitMs: 0 }),
      fails("INVALID_TOKEN", (error) => problem.test(error.message)),
    );
  }
});

test("another log id is noticed as soon as the log's is known, also where the monitor learnt the positions before the id", async (t) => {
  const s = await setting(t);
  await s.queries.get(view, "p");
  await s.happen(0);
  await s.happen(0);
  await s.apply(0);
  const foreign = { log: "orders", logId: "00000000-0000-4000-8000-00000000ffff", partition: 0, position: 1 };
  await assert.rejects(quantity(s, { token: [foreign], waitMs: 30_000 }), fails("INVALID_TOKEN"));
});

test("parts of logs that the view does not consume are ignored", async (t) => {
  const s = await setting(t);
  const part = await s.happen(0);
  await s.apply(0);
  const foreign = { ...part, log: "invoices", logId: "00000000-0000-4000-8000-00000000ffff", position: 99 };
  assert.equal(await quantity(s, { token: [part, foreign], waitMs: 0 }), 1);
});

test("a view that has no record of a token's partition yet waits", async (t) => {
  const s = await setting(t, { prepared: false });
  await s.store.ensure(view);
  const part = await s.happen(1);
  const reading = quantity(s, { token: [part], waitMs: 30_000 });
  await waitsIn(s, 1);
  await s.apply(1);
  assert.equal(await reading, 1);
});

test("a view without tables is unavailable, until they are there", async (t) => {
  const s = await setting(t, { prepared: false });
  await assert.rejects(quantity(s, {}), fails("UNAVAILABLE"));
  await s.store.ensure(view);
  assert.equal(await quantity(s, {}), undefined);
});
