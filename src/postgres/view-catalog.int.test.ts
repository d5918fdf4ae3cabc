/** The catalogue of views whose documents are in another store: generations of several kinds on the same tables. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { orderTotals as view } from "../../test/view-domain.ts";
import { engines } from "../../test/view-stores.ts";
import { memoryDocumentStore } from "../memory/index.ts";
import { documentViewStore } from "../runtime/document-view-store.ts";
import { postgresViewCatalog } from "./view-catalog.ts";

for (const [name, open] of Object.entries(engines)) {
  test(`${name}: a generation belongs to the kind of store that made it`, async () => {
    const { store: sql, database, ...rest } = await open();
    after(() => rest[Symbol.asyncDispose]());
    const catalogOf = (store: string) => postgresViewCatalog(database, { schema: "views", store });
    const [here, there] = [catalogOf("here"), catalogOf("there")];
    const store = documentViewStore(here, memoryDocumentStore(new Map(), { kind: "here" }));
    await sql.ensure(view);
    const [made] = (await store.ensure(view)).generations;
    assert.deepEqual([made?.generation, made?.state, made?.store], [2, "building", "here"]);
    assert.deepEqual(
      (await there.ensure(view)).generations.map(({ generation }) => generation),
      [3],
    );

    assert.deepEqual(await Promise.all([1, 2, 3, 4].map((generation) => here.isFed(view, generation))), [false, true, false, false]);
    assert.equal(await here.isFed({ ...view, version: view.version + 1 }, 2), false);
    for (const other of [sql, there]) await assert.rejects(other.switch(view, 2), { code: "REBUILD_REFUSED" });
    await assert.rejects(here.switch(view, 1), { code: "REBUILD_REFUSED" });

    assert.equal(await here.of(view, 2).storage(), null);
    await assert.rejects(there.of(view, 2).bind("y"), { code: "GENERATION_MOVED" });
    assert.equal(await here.of(view, 2).bind("x"), "x");
    assert.equal(await here.of(view, 2).bind("y"), "x");
    assert.deepEqual([await here.of(view, 2).storage(), await there.of(view, 2).storage()], ["x", null]);

    await here.switch(view, 2);
    assert.equal((await here.current(view))?.generation, 2);
    assert.equal((await sql.current(view))?.generation, 1, "the old release reads on");
    assert.equal(await there.current(view), null);
  });

  test(`${name}: a retired generation is left over until its storage is known to be gone, and bound no more`, async () => {
    const { database, ...rest } = await open();
    after(() => rest[Symbol.asyncDispose]());
    const [here, there] = ["here", "there"].map((store) => postgresViewCatalog(database, { schema: "views", store }));
    await here!.ensure(view);
    await here!.create(view);
    const checkpoints = here!.of(view, 2);
    await checkpoints.bind("x");
    const [from] = await checkpoints.checkpoints(new Map([["orders", 1]]));
    await here!.dropped(view, 2);
    assert.equal(await checkpoints.storage(), "x", "what is fed is not forgotten");
    assert.deepEqual(await here!.leftovers(view), []);
    await here!.retire(view, 2);
    assert.deepEqual([await here!.leftovers(view), await there!.leftovers(view)], [[2], []]);
    assert.equal(await checkpoints.move(from!, { ...from!, position: 1, eventId: "e" }), "moved");
    await assert.rejects(checkpoints.bind("x"), { code: "GENERATION_MOVED" });
    await here!.dropped(view, 2);
    assert.deepEqual(await here!.leftovers(view), []);
  });
}
