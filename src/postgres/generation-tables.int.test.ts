/** Tables of views with long names: dropped with their generation, all of them and no others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { byCustomer } from "../../test/rollup-domain.ts";
import { orderSummaries } from "../../test/view-domain.ts";
import { postgresStore } from "../../test/view-stores.ts";
import type { AnyView } from "../core/definition.ts";
import { documentTable, referencePrefix, referenceTable } from "./view-names.ts";

const long = "a_view_with_a_name_that_takes_all_the_bytes_that_there_are_x";

for (const [what, one] of [
  ["a view with references", orderSummaries],
  ["a rollup", byCustomer],
] as const) {
  test(`the tables of ${what} whose name has 60 bytes go with their generation, those of others stay`, async (t) => {
    const under = await postgresStore();
    t.after(() => under[Symbol.asyncDispose]());
    const { store, database } = under;
    const [view, sibling]: AnyView[] = [
      { ...one, name: long },
      { ...one, name: `${long.slice(0, -1)}y` },
    ];
    const tables = async (): Promise<readonly string[]> =>
      (
        await database.query<{ name: string }>({
          text: "select relname::text as name from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'v') order by 1",
        })
      ).rows.map(({ name }) => name);
    // of two digits too, where the number fits no more behind the name
    for (let generation = 1; generation <= 11; generation++) await (generation === 1 ? store.ensure(view!) : store.create(view!));
    const before = await tables();
    for (const each of [view!, sibling!]) await store.ensure(each);
    const { generation } = await store.create(view!);
    await store.create(sibling!);
    const made = await tables();
    assert.ok(made.includes(documentTable(long, generation)));
    for (const retired of [generation, 10, 9, 2]) await store.retire(view!, retired);
    const left = await tables();
    const gone = made.filter((name) => !left.includes(name));
    const ofEach = made.filter((name) => name === documentTable(long, 1) || name.startsWith(referencePrefix(long, 1))).length;
    assert.ok(ofEach > 1);
    assert.equal(gone.length, 4 * ofEach, "all of four generations");
    assert.deepEqual(gone.filter((name) => !before.includes(name)).length, ofEach);
    await store.retire(sibling!, 2);
    assert.equal((await tables()).length, left.length - ofEach);
  });
}

test("names of tables stay what they were where they fit, and tell generations apart where they do not", () => {
  assert.equal(referenceTable("order_summaries", 3, "customer_cards"), "order_summaries_g3__customer_cards");
  const names = [1, 11, 111_111].flatMap((generation) =>
    ["rows", "groups", "c".repeat(40)].map((of) => {
      const name = referenceTable(long, generation, of);
      assert.ok(name.startsWith(referencePrefix(long, generation)) && name.length <= 63, name);
      return name;
    }),
  );
  assert.equal(new Set(names).size, names.length);
});
