/** Bulk loads and remembered rows in ClickHouse, and what its statements say. */
import assert from "node:assert/strict";
import { after as afterAll, before, describe, test } from "node:test";
import type { ClickHouseClient } from "@clickhouse/client";
import { assertGroups, byCustomer } from "../../test/rollup-domain.ts";
import { clickhouseClient, type TestClickHouse } from "../../test/services.ts";
import { orderTotals, random, randomLogs } from "../../test/view-domain.ts";
import { after, applyNext, assertFold, feedLive, kept } from "../../test/view-stores.ts";
import { isTidemarkError } from "../errors.ts";
import { memoryViewCatalog, readDatabase } from "../memory/index.ts";
import { documentViewStore } from "../runtime/document-view-store.ts";
import { clickhouseDocumentStore } from "./index.ts";

interface Statement {
  readonly query: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** The client, which tells each statement before and after it; what is thrown then is thrown to who asked. */
function watched(client: ClickHouseClient, tell: (statement: Statement, when: "before" | "after") => void): ClickHouseClient {
  const around =
    <P extends { query: string; clickhouse_settings?: object }, R>(work: (params: P) => Promise<R>) =>
    async (params: P): Promise<R> => {
      const statement = { query: params.query, settings: { ...params.clickhouse_settings } };
      tell(statement, "before");
      const answer = await work(params);
      tell(statement, "after");
      return answer;
    };
  const [command, query, ping] = [around(client.command.bind(client)), around(client.query.bind(client)), client.ping.bind(client)];
  return { command, query, ping } as unknown as ClickHouseClient;
}

const isInsert = ({ query }: Statement): boolean => query.startsWith("insert");
const isReadOfRows = ({ query }: Statement): boolean => query.startsWith("select _key, _doc, _deleted");

describe("bulk loads in ClickHouse", () => {
  let under: TestClickHouse;
  before(async () => {
    under = await clickhouseClient("server");
  });
  afterAll(() => under.close());

  let worlds = 0;
  const world = () => {
    const catalogue = readDatabase();
    worlds += 1;
    const options = { prefix: `l${worlds}_`, database: under.database };
    return (tell: Parameters<typeof watched>[1] = () => undefined) =>
      documentViewStore(memoryViewCatalog(catalogue, "clickhouse"), clickhouseDocumentStore(watched(under.client, tell), options));
  };

  for (const view of [orderTotals, byCustomer]) {
    test(`${view.name}: flushes that fail before and after they are stored, and loads begun again, end as a fold`, async () => {
      const open = world();
      const r = random(11);
      const calm = open();
      await calm.migrate({ ddl: true });
      await feedLive(calm, view, 1);
      const events = randomLogs(r, { partitions: 1, orders: 12, customers: 3, orderEvents: 300, customerEvents: 1 }).orders[0]!;
      let failures = 0;
      const store = open((statement) => {
        if (!isInsert(statement) || r.below(3) > 0) return;
        failures += 1;
        throw new Error("injected");
      });
      const projection = store.projection(view, 1);
      let stale = await projection.checkpoint("orders", 0);
      while ((await projection.checkpoint("orders", 0)).position < events.length) {
        const from = r.below(4) === 0 ? stale : await projection.checkpoint("orders", 0);
        stale = from;
        const load = projection.load!(from, kept(r.pick([0, 100])))!;
        let to = from;
        try {
          while (to.position < events.length) {
            const next = events.slice(to.position, to.position + 1 + r.below(30));
            to = after(to, next);
            await load.add(next, to);
            if (r.below(3) === 0 && (await load.flush()) === "moved") break;
          }
          if (to.position === events.length) await load.flush();
        } catch (error) {
          if (!isTidemarkError(error, "UNAVAILABLE") && !(error instanceof Error && error.message.endsWith("is spent"))) throw error;
        }
      }
      assert.ok(failures > 3);
      if (view.rollup === undefined) await assertFold(calm, view, 1, events);
      else await assertGroups(calm, view, 1, events);
    });
  }

  test("rows that this worker stored last are not read again, after another one's batch they are; a batch is one insert", async () => {
    const open = world();
    const seen: Statement[] = [];
    const store = open((statement, when) => void (when === "before" && seen.push(statement)));
    const other = open();
    await store.migrate({ ddl: true });
    const projection = await feedLive(store, orderTotals, 1);
    const events = randomLogs(random(5), { partitions: 1, orders: 4, customers: 1, orderEvents: 120, customerEvents: 1 }).orders[0]!;
    const next = async (one = projection) => applyNext(one, await projection.checkpoint("orders", 0), events, 20);
    assert.equal(await next(), "applied");
    seen.length = 0;
    const known = new Set(events.slice(0, 20).map(({ stream }) => stream));
    assert.equal(known.size, 4, "every stream is known");
    for (let i = 0; i < 2; i++) assert.equal(await next(), "applied");
    assert.deepEqual(
      seen.map((statement) => [isInsert(statement), isReadOfRows(statement)]),
      [
        [true, false],
        [true, false],
      ],
    );
    assert.equal(await next(other.projection(orderTotals, 1)), "applied");
    seen.length = 0;
    assert.equal(await next(), "applied");
    assert.deepEqual([seen.filter(isReadOfRows).length, seen.filter(isInsert).length], [1, 1]);
    await assertFold(store, orderTotals, 1, events.slice(0, 100));
    assert.ok(
      seen.filter(({ query }) => query.startsWith("select")).every(({ settings }) => settings["select_sequential_consistency"] === "1"),
    );
    assert.ok(seen.filter(isInsert).every(({ query }) => query.includes("insert_quorum = 'auto', insert_quorum_parallel = 0")));
  });
});
