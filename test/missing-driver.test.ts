/** A store whose driver is not installed says so by name when it is first wanted; without its setting nothing asks for the driver. */
import assert from "node:assert/strict";
import { registerHooks } from "node:module";
import { test, type TestContext } from "node:test";
import { clickhouse } from "../src/clickhouse/index.ts";
import { elasticsearch } from "../src/elasticsearch/index.ts";
import { topic } from "../src/kafka/view-topic.ts";
import { memoryViewCatalog, readDatabase } from "../src/memory/index.ts";
import { mongodb } from "../src/mongodb/index.ts";
import type { ViewStoreChoice } from "../src/runtime/view-store-choice.ts";

const nothing = () => undefined;
const open = (choice: ViewStoreChoice, environment: Readonly<Record<string, string>>) =>
  choice.open({
    environment,
    prefix: "",
    catalog: (kind) => memoryViewCatalog(readDatabase(), kind),
    logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  });

/** As if these packages were not installed. Answers which of them were asked for. */
function without(t: TestContext, ...packages: string[]): Set<string> {
  const asked = new Set<string>();
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      if (!packages.includes(specifier)) return next(specifier, context);
      asked.add(specifier);
      throw Object.assign(new Error(`Cannot find package '${specifier}'`), { code: "ERR_MODULE_NOT_FOUND" });
    },
  });
  t.after(() => hooks.deregister());
  return asked;
}

const openSearch = "@opensearch-project/opensearch";
const elastic = "@elastic/elasticsearch";
const stores = [
  { choice: mongodb(), setting: "MONGODB_URL", url: "mongodb://127.0.0.1:1/x", name: "mongodb", all: ["mongodb"] },
  { choice: clickhouse(), setting: "CLICKHOUSE_URL", url: "http://127.0.0.1:1/x", name: "@clickhouse/client", all: ["@clickhouse/client"] },
  { choice: elasticsearch(), setting: "ELASTICSEARCH_URL", url: "http://127.0.0.1:1", name: openSearch, all: [openSearch, elastic] },
  { choice: topic(), setting: "KAFKA_BROKERS", url: "127.0.0.1:1", name: "@platformatic/kafka", all: ["@platformatic/kafka"] },
] as const;

for (const { choice, setting, url, name, all } of stores) {
  test(`${setting} without ${name}`, async (t) => {
    const asked = without(t, ...all);
    assert.equal(await open(choice, {}), null);
    assert.equal(asked.size, 0, "nobody asks for what is not used");
    await assert.rejects(open(choice, { [setting]: url }), (error: Error & { code?: string; details?: { name?: string } }) => {
      assert.deepEqual([error.code, error.details?.name], ["MISSING_PACKAGE", name]);
      assert.match(error.message, new RegExp(`npm install ${name}`));
      return true;
    });
    assert.deepEqual([...asked], [...all]);
  });
}

for (const missing of [openSearch, elastic]) {
  test(`one of the two clients of search engines is enough: without ${missing}`, async (t) => {
    without(t, missing);
    const store = await open(elasticsearch(), { ELASTICSEARCH_URL: "http://127.0.0.1:1" });
    assert.ok(store !== null);
    await store.close();
  });
}
