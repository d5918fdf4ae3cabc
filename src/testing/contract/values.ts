/** A document comes back as it was given, or its event is refused by name; nothing is kept in another form. */
import assert from "node:assert/strict";
import { aggregate } from "../../core/aggregate.ts";
import type { AnyView, Document } from "../../core/definition.ts";
import type { LogEvent } from "../../core/message.ts";
import { view } from "../../core/view.ts";
import { isTidemarkError } from "../../errors.ts";
import { applyNext, feedNew } from "./feed.ts";
import { documents, keys, noKeys, odd } from "./given-values.ts";
import { logWriter } from "./logs.ts";
import { anything, fields, flag, nothing, orNull, real, schemaOf, text, whole } from "./schemas.ts";
import { type Group, group } from "./suite.ts";
import type { Suite } from "./world.ts";

const things = aggregate(
  "things",
  {
    id: "id",
    commands: {},
    events: { Put: schemaOf<Record<string, never>>(anything), Gone: nothing },
    initial: 0,
  },
  { decide: {}, evolve: { Put: () => 0, Gone: () => 0 } },
);

interface Thing {
  readonly label: string | null;
  readonly size?: number | null | undefined;
  readonly real?: number | undefined;
  readonly flag?: boolean | undefined;
  readonly more?: never;
}

const kept = view(
  "kept_things",
  {
    document: fields<Thing>({ label: orNull(text), size: orNull(whole), real, flag, more: anything }, ["size", "real", "flag", "more"]),
    from: [things],
    indexes: ["label", "size"],
  },
  { create: { Put: ({ data }) => data as unknown as Thing }, on: { Put: (_, { data }) => data as unknown as Thing, Gone: () => null } },
);

export function valueCases(suite: Suite): void {
  group(suite, "values", [], {
    "documents come back as they were given": roundTrips,
    "odd values come back as they were given, or their event is refused by name": oddities,
    "keys of every kind": everyKey,
    "a key that no store keeps is the event's fault; what never was is not found": badKeys,
    "a document of a megabyte": large,
  });
}

const asJson = (document: Document): unknown => JSON.parse(JSON.stringify(document));

/** Puts each document under a key of its own, `fold` giving it as it is: an event's data is JSON, what a handler makes may be more. */
const giving = (documentOf: (event: LogEvent) => Document): AnyView => ({ ...kept, fold: (_, event) => documentOf(event) });

async function roundTrips({ main, suite: { name } }: Group): Promise<void> {
  const log = logWriter("things", 1);
  for (const [i] of documents.entries()) log.add(`d${i}`, "Put", {});
  for (const [i] of documents.entries()) log.add(`d${i}`, "Put", {});
  const events = log.byPartition.flat();
  // the second time in the opposite order: every document is folded over another
  const given = (position: number): Document =>
    position <= documents.length ? documents[position - 1]! : documents[2 * documents.length - position]!;
  const { generation } = await feedNew(main, kept, 1);
  const projection = main.projection(
    giving(({ position }) => given(position)),
    generation,
  );
  for (const [from, to] of [
    [0, documents.length],
    [documents.length, 2 * documents.length],
  ] as const) {
    assert.equal(await applyNext(projection, await projection.checkpoint("things", 0), events, to - from), "applied");
    const found = await main.get(
      kept,
      generation,
      events.slice(from, to).map(({ stream }) => stream),
    );
    for (const [i, one] of found.entries()) {
      const expected = asJson(given(from + i + 1));
      assert.ok(one !== undefined);
      assert.deepEqual(asJson(one.document), expected, `${name}: ${JSON.stringify(expected).slice(0, 200)}`);
      assert.equal(one.version, from === 0 ? 1 : 2);
    }
  }
}

async function oddities({ main }: Group, t: { diagnostic(message: string): void }): Promise<void> {
  const refused: string[] = [];
  for (const document of odd) {
    const { generation } = await feedNew(main, kept, 1);
    const log = logWriter("things", 1);
    const events = [log.add("before", "Put", {}), log.add("odd", "Put", {}), log.add("after", "Put", {})];
    const projection = main.projection(
      giving(({ stream }) => (stream === "odd" ? document : { label: stream })),
      generation,
    );
    const shown = JSON.stringify(document).slice(0, 100);
    try {
      assert.equal(await applyNext(projection, await projection.checkpoint("things", 0), events, 3), "applied");
      const found = await main.get(kept, generation, ["odd"]);
      // as text: also the order of members, and members called __proto__
      assert.equal(sorted(found[0]?.document), sorted(asJson(document)), shown);
    } catch (error) {
      if (!isTidemarkError(error, "HANDLER_FAILED")) throw error;
      assert.deepEqual([error.details.view, error.details.position, error.details.log], [kept.name, 2, "things"], shown);
      assert.equal((await projection.checkpoint("things", 0)).position, 0);
      refused.push(shown);
    }
    await main.retire(kept, generation);
  }
  t.diagnostic(`refused: ${refused.join(" ") || "nothing"}`);
}

/** JSON text with the members of objects in one order. */
const sorted = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) =>
    typeof one === "object" && one !== null && !Array.isArray(one)
      ? { members: Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1)) }
      : one,
  );

async function everyKey({ main }: Group): Promise<void> {
  const { generation } = await feedNew(main, kept, 1);
  const projection = main.projection(
    giving(({ stream, version }) => ({ label: stream, more: { version } })),
    generation,
  );
  const log = logWriter("things", 1);
  for (const key of [...keys, ...keys]) log.add(key, "Put", {});
  for (const size of [keys.length - 3, 7, 1_000]) {
    assert.equal(await applyNext(projection, await projection.checkpoint("things", 0), log.byPartition.flat(), size), "applied");
  }
  const found = await main.get(kept, generation, keys);
  for (const [i, key] of keys.entries()) assert.deepEqual(found[i]?.document, { label: key, more: { version: 2 } }, JSON.stringify(key));
  assert.deepEqual(await main.get(kept, generation, []), []);
  const twice = await main.get(kept, generation, ["0", "no such key", "0"]);
  assert.deepEqual(
    twice.map((one) => one?.document["label"]),
    ["0", undefined, "0"],
  );
}

async function badKeys({ main }: Group): Promise<void> {
  for (const key of noKeys) {
    const { generation } = await feedNew(main, kept, 1);
    const projection = main.projection(kept, generation);
    const log = logWriter("things", 1);
    const events = [log.add("good", "Put", { label: "x" }), log.add(key, "Put", { label: "x" })];
    const from = await projection.checkpoint("things", 0);
    await assert.rejects(applyNext(projection, from, events, 2), (error: unknown) => {
      assert.ok(isTidemarkError(error, "HANDLER_FAILED"), JSON.stringify(key));
      assert.equal(error.details.position, 2);
      return true;
    });
    assert.equal(await applyNext(projection, from, events, 1), "applied");
    assert.deepEqual(
      (await main.get(kept, generation, [...noKeys, "\ufffd", "good"])).map((one) => one?.document["label"]),
      [...noKeys.map(() => undefined), undefined, "x"],
    );
  }
}

async function large({ main }: Group): Promise<void> {
  const { generation } = await feedNew(main, kept, 1);
  const projection = main.projection(
    giving(({ version }) => ({ label: "large", more: Array.from({ length: 1_000 }, (_, i) => `${version} ${i} é\u2028"\\ `.repeat(90)) })),
    generation,
  );
  const log = logWriter("things", 1);
  for (const stream of ["a", "b", "a"]) log.add(stream, "Put", {});
  assert.equal(await applyNext(projection, await projection.checkpoint("things", 0), log.byPartition.flat(), 2), "applied");
  assert.equal(await applyNext(projection, await projection.checkpoint("things", 0), log.byPartition.flat(), 2), "applied");
  const [a, b] = await main.get(kept, generation, ["a", "b"]);
  assert.ok(JSON.stringify(a?.document).length > 1_000_000);
  for (const [found, version] of [
    [a, 2],
    [b, 1],
  ] as const) {
    const list = found?.document["more"] as readonly string[];
    assert.equal(list.length, 1_000);
    for (const [i, one] of list.entries()) assert.equal(one, `${version} ${i} é\u2028"\\ `.repeat(90));
  }
}
