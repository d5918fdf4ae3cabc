/** What ClickHouse cannot keep is refused before anything runs, and settings before anything is asked. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "@clickhouse/client";
import { z } from "zod";
import { byCustomer, byHour, byQuantity } from "../../test/rollup-domain.ts";
import { orders, orderSummaries, orderTotals, productStats } from "../../test/view-domain.ts";
import type { AnyView } from "../core/definition.ts";
import { view } from "../core/view.ts";
import { isTidemarkError } from "../errors.ts";
import { memoryViewCatalog, readDatabase } from "../memory/index.ts";
import { clickhouse, clickhouseDocumentStore } from "./index.ts";

const named = (name: string, field: string): AnyView =>
  view(
    name,
    { document: z.object({ [field]: z.string() }), from: [orders], indexes: [field as never] },
    { create: { Noted: ({ stream }) => ({ [field]: stream }) }, on: {} },
  );
const listed = view(
  "listed",
  { document: z.object({ tags: z.array(z.string()) }), from: [orders], indexes: ["tags" as never] },
  { create: { Noted: ({ stream }) => ({ tags: [stream] }) }, on: {} },
);

test("views and rollups keyed by one stream are accepted, others are refused by what they need", async () => {
  const client = createClient({ url: "http://127.0.0.1:9/" });
  const store = clickhouseDocumentStore(client, { prefix: "", database: "d" });
  // byCustomer measures a view with references, of which it reads nothing
  for (const each of [orderTotals, byCustomer, byHour, named("plain", "label")]) assert.doesNotThrow(() => store.accept(each));
  const refused: readonly (readonly [AnyView, RegExp])[] = [
    [productStats, /'product_stats' on ClickHouse: its documents are keyed by 'key'.*conditional writes/],
    [orderSummaries, /'order_summaries' on ClickHouse: it refers to another view by 'customerId'/],
    [byQuantity, /'by_quantity' on ClickHouse: it measures 'product_stats', whose documents are keyed by 'key'/],
    [named("plain_g3", "label"), /does not end in '_g' and a number/],
    [named("hidden", "_key"), /the field '_key' cannot be indexed/],
    [named("dotted", "a.b"), /the field 'a\.b' cannot be indexed/],
    [listed, /the indexed field 'tags' must be a string/],
  ];
  for (const [each, message] of refused)
    assert.throws(
      () => store.accept(each),
      (error) => {
        assert.ok(isTidemarkError(error, "INVALID_DEFINITION"));
        assert.match(error.message, message);
        return true;
      },
    );
  await client.close();
});

const say = () => undefined;
const logger = { debug: say, info: say, warn: say, error: say };

test("an unset CLICKHOUSE_URL leaves the view where it is; a wrong one is refused without being told", async () => {
  const open = (url?: string) =>
    clickhouse().open({
      environment: { CLICKHOUSE_URL: url },
      prefix: "",
      catalog: (kind) => memoryViewCatalog(readDatabase(), kind),
      logger,
    });
  assert.equal(await open(), null);
  assert.equal(await open(" "), null);
  for (const wrong of ["clickhouse://user:secret@host/db", "http://user:secret@:x/db"])
    await assert.rejects(open(wrong), (error) => {
      assert.ok(isTidemarkError(error, "INVALID_SETTING"));
      assert.ok(!error.message.includes("secret"), error.message);
      return true;
    });
  const store = await open("https://user:secret@host:8443/read");
  assert.equal(store?.name, "clickhouse");
  await store?.close();
});
