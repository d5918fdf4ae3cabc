/** `elasticsearch()` as a service's definition has it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openSearchClient } from "../../test/search-engines.ts";
import { opensearch } from "../../test/services.ts";
import { orderTotals } from "../../test/view-domain.ts";
import { memoryViewCatalog, readDatabase } from "../memory/index.ts";
import type { ViewStoreContext } from "../runtime/view-store-choice.ts";
import { elasticsearch, elasticsearchDocumentStore } from "./index.ts";

function context(environment: ViewStoreContext["environment"], prefix = ""): ViewStoreContext {
  const database = readDatabase();
  const nothing = () => {};
  return {
    environment,
    prefix,
    catalog: (kind) => memoryViewCatalog(database, kind),
    logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  };
}

test("without a setting the view stays where it is; what is no URL is refused without being shown", async () => {
  assert.equal(await elasticsearch().open(context({})), null);
  assert.equal(await elasticsearch().open(context({ ELASTICSEARCH_URL: "  " })), null);
  for (const url of ["secret", "ftp://u:secret@host", "https://ok:9200,u:secret@host"])
    await assert.rejects(elasticsearch().open(context({ ELASTICSEARCH_URL: url })), (error: Error) => {
      assert.ok(error.message.startsWith("ELASTICSEARCH_URL: ") && !error.message.includes("secret"), error.message);
      return true;
    });
});

test("by URL, by setting and by a client of one's own", async () => {
  const server = await opensearch();
  await using corner = server.createPrefix();
  const client = openSearchClient(server.url);
  const choices = [
    elasticsearch(server.url, { replicas: 0 }).open(context({}, corner.name)),
    elasticsearch().open(context({ ELASTICSEARCH_URL: `${server.url}, ${server.url}/` }, corner.name)),
    elasticsearch({ client }).open(context({}, corner.name)),
  ];
  for (const choice of choices) {
    const store = (await choice)!;
    assert.equal(store.name, "elasticsearch");
    await store.migrate({ ddl: true });
    store.accept(orderTotals);
    await store.close();
  }
  await elasticsearchDocumentStore(client, { prefix: corner.name }).ping();
  await client.close();
  await assert.rejects(
    (async () => {
      const store = (await elasticsearch("http://127.0.0.1:9").open(context({})))!;
      await store.migrate({ ddl: true });
    })(),
    { code: "UNAVAILABLE" },
  );
});

test("what an index cannot be named or made for is refused by name", () => {
  const client = openSearchClient("http://127.0.0.1:9");
  const accept = (prefix: string, view: typeof orderTotals) => () => elasticsearchDocumentStore(client, { prefix }).accept(view);
  assert.throws(accept("Upper-", orderTotals), { code: "INVALID_DEFINITION", message: /order_totals.*prefix/ });
  const mixed = { ...orderTotals, indexes: [["nothing"]] } as unknown as typeof orderTotals;
  assert.throws(accept("", mixed), { code: "INVALID_DEFINITION", message: /'nothing' cannot be indexed/ });
});
