/** What the cases do with a store: feed it as a worker would, and compare all that it holds with a plain fold of the logs. */
import assert from "node:assert/strict";
import type { AnyView, Document } from "../../core/definition.ts";
import type { LogEvent } from "../../core/message.ts";
import { isTidemarkError } from "../../errors.ts";
import { freshFold } from "../../memory/view-fold.ts";
import type { Checkpoint, StoredDocument, ViewProjection, ViewStore } from "../../runtime/ports.ts";

/** The live generation's projection, with its checkpoints made. */
export async function feedLive(store: ViewStore, view: AnyView, partitions: number): Promise<ViewProjection> {
  const { generations } = await store.ensure(view);
  return openProjection(store, view, generations.at(-1)!.generation, partitions);
}

/** A generation beside those that are there, so that cases do not meet each other's documents. */
export async function feedNew(store: ViewStore, view: AnyView, partitions: number): Promise<ViewProjection> {
  await store.ensure(view);
  return openProjection(store, view, (await store.create(view)).generation, partitions);
}

export async function openProjection(store: ViewStore, view: AnyView, generation: number, partitions: number): Promise<ViewProjection> {
  const projection = store.projection(view, generation);
  await projection.checkpoints(new Map(view.logs.map((log) => [log, partitions])));
  return projection;
}

export const after = (from: Checkpoint, events: readonly LogEvent[]): Checkpoint => ({
  ...from,
  position: events.at(-1)!.position,
  eventId: events.at(-1)!.id,
  logId: `id of ${from.log}`,
  hint: String(events.at(-1)!.position),
});

/** Applies what follows the checkpoint, at most `limit` events. */
export async function applyNext(
  projection: ViewProjection,
  from: Checkpoint,
  events: readonly LogEvent[],
  limit: number,
): Promise<"applied" | "moved" | "end"> {
  const batch = events.slice(from.position, from.position + limit);
  return batch.length === 0 ? "end" : projection.apply(from, after(from, batch), batch);
}

export async function applyAll(
  projection: ViewProjection,
  log: string,
  partitions: readonly (readonly LogEvent[])[],
  limit: number | (() => number),
): Promise<void> {
  for (const [partition, events] of partitions.entries()) {
    let from = await projection.checkpoint(log, partition);
    while (from.position < events.length) {
      assert.equal(await applyNext(projection, from, events, typeof limit === "number" ? limit : limit()), "applied");
      from = await projection.checkpoint(log, partition);
    }
  }
}

/** The documents of all these keys, as one `get` answers them; of rollups and of a suite's large batches in parts. */
export async function allDocuments(
  store: ViewStore,
  view: AnyView,
  generation: number,
  keys: readonly string[],
): Promise<Map<string, StoredDocument>> {
  const found = await store.get(view, generation, keys);
  assert.equal(found.length, keys.length, "an answer for each key");
  return new Map(keys.flatMap((key, i): [string, StoredDocument][] => (found[i] === undefined ? [] : [[key, found[i]]])));
}

const asJson = (document: Document): unknown => JSON.parse(JSON.stringify(document));

/** Documents, versions and times are those of a plain fold, and there are no others. `find: false`: for stores that have none. */
export async function assertFold(
  store: ViewStore,
  view: AnyView,
  generation: number,
  events: readonly LogEvent[],
  { find = true }: { readonly find?: boolean } = {},
): Promise<void> {
  const expected = freshFold(view, events);
  const touched = events.filter((event) => view.handles(event)).flatMap((event) => view.keys(event));
  const keys = [...new Set([...expected.keys(), ...(view.rollup === undefined ? touched : [])])];
  const found = await allDocuments(store, view, generation, keys);
  assert.deepEqual([...found.keys()].toSorted(), [...expected.keys()].toSorted(), `keys of ${view.name}`);
  for (const [key, { document, version, lastUpdated }] of expected) {
    const stored = found.get(key)!;
    // as JSON: a member that is undefined is none
    assert.deepEqual(asJson(stored.document), asJson(document), `${view.name} ${key}`);
    assert.deepEqual([stored.version, stored.lastUpdated], [version, lastUpdated], `${view.name} ${key}`);
  }
  if (!find) return;
  const page = await store.find(view, generation, { where: {}, order: [], limit: keys.length + 1 });
  assert.equal(page.items.length, expected.size, `number of documents of ${view.name}`);
}

/** The answer, or undefined where the process or the store was not there. */
export async function unlessDown<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isTidemarkError(error, "UNAVAILABLE")) return undefined;
    throw error;
  }
}
