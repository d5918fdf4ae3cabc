/** One generation of a view in MongoDB: a collection for its documents, and one for each view that it refers to. */
import { randomUUID } from "node:crypto";
import type { Collection, Db, Filter } from "mongodb";
import { scalarOf } from "../core/condition.ts";
import type { AnyView } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import { type DocumentGeneration, type DocumentRow, joinedId } from "../runtime/document-store.ts";
import { checkFind, indexedFields } from "../runtime/find-check.ts";
import type { FindQuery, FoundPage } from "../runtime/ports.ts";
import { rows } from "./document-rows.ts";
import { unavailable } from "./errors.ts";
import { afterOf, filterOf, held, sortOf } from "./find.ts";
import { documentCollection, meta, referenceCollection } from "./names.ts";
import { decode, isStorageRow, type Stored, storageKey, storageRow, storedDocument } from "./rows.ts";

export interface MongoPlace {
  readonly db: Db;
  readonly prefix: string;
  readonly label: string;
}

export function mongoGeneration({ db, prefix, label }: MongoPlace, view: AnyView, generation: number): DocumentGeneration {
  const what = `View '${view.name}' on ${label}`;
  const down = unavailable(what);
  // acknowledged by a majority, and read from where it was written
  const collection = (name: string): Collection<Stored> =>
    db.collection<Stored>(name, {
      writeConcern: { w: "majority" },
      readConcern: { level: "majority" },
      readPreference: "primary",
      ignoreUndefined: true,
    });
  const own = collection(documentCollection(prefix, view.name, generation));
  const referencedViews = [...new Set(Object.values(view.references).map((reference) => reference.view))];
  const lost = () => new TidemarkError("VIEW_STORE_DIVERGED", { view: view.name, generation, store: label });
  const privates = new Map(referencedViews.map((of) => [of, collection(referenceCollection(prefix, view.name, generation, of.name))]));

  return {
    async prepare(mayCreate = true) {
      try {
        if (mayCreate) for (const [of, one] of [[view, own] as const, ...privates]) await createIndexes(one, of === view ? view : null);
        // the copies first: whoever finds the documents' id finds all of it
        const ids: (string | null)[] = [];
        for (const one of privates.values()) ids.push(await storageId(one, mayCreate));
        return joinedId(await storageId(own, mayCreate), ids);
      } catch (error) {
        throw down(error);
      }
    },
    own: {
      ...rows(own, indexedFields(view), what, lost),
      referring: (field, key, edition, limit) => referring(field, key, edition, limit),
    },
    referenced: new Map([...privates].map(([of, one]) => [of.name, rows(one, [], what, lost)])),
    visible: () => Promise.resolve(),
    async get(keys) {
      // with the storage's own id: without it these are rows that a late process wrote after the generation was dropped
      const found = await list({ _id: { $in: [...keys, storageKey] }, [`${meta}.deleted`]: { $ne: true } } as unknown as Filter<Stored>);
      if (!found.some(isStorageRow)) return keys.map(() => undefined);
      const byKey = new Map(found.map((stored) => [stored._id, stored]));
      return keys.map((key) => {
        const stored = byKey.get(key);
        return stored === undefined ? undefined : storedDocument(stored);
      });
    },
    async find(query: FindQuery): Promise<FoundPage> {
      checkFind(view, query);
      const { where, order, limit, after } = query;
      const filter: Filter<Stored> = { $and: [held, ...filterOf(where), ...(after === undefined ? [] : [afterOf(order, after)])] };
      try {
        // one more than asked for tells whether there is a next page
        const found = await own
          .find(filter)
          .sort(sortOf(order))
          .limit(limit + 1)
          .toArray();
        if (found.length > 0 && (await own.countDocuments(storageRow)) === 0) return { items: [], next: null };
        const page = found.slice(0, limit);
        const last = found.length > limit ? page.at(-1)! : undefined;
        const at = (stored: Stored) => order.map(({ field }) => scalarOf(stored[field]));
        return { items: page.map(storedDocument), next: last === undefined ? null : [...at(last), last._id] };
      } catch (error) {
        throw down(error);
      }
    },
    async drop() {
      try {
        for (const one of [own, ...privates.values()]) await one.drop();
      } catch (error) {
        throw down(error);
      }
    },
  };

  /** Given to the collection when it was made. */
  async function storageId(collection: Collection<Stored>, mayCreate: boolean): Promise<string | null> {
    if (!mayCreate) return (await collection.findOne(storageRow))?.[meta].storage ?? null;
    const found = await collection.findOneAndUpdate(
      storageRow,
      { $setOnInsert: { [`${meta}.storage`]: randomUUID() } },
      { upsert: true, returnDocument: "after" },
    );
    const storage = found?.[meta].storage;
    if (storage === undefined) throw new Error(`${what}: the storage's own document holds no id`);
    return storage;
  }

  async function list(filter: Filter<Stored>): Promise<Stored[]> {
    try {
      return await own.find(filter).toArray();
    } catch (error) {
      throw down(error);
    }
  }

  async function referring(field: string, key: string, edition: number, limit: number): Promise<readonly DocumentRow[]> {
    const filter = { ...held, [`${meta}.none.${field}`]: 0, [field]: key, [`${meta}.copied.${field}`]: { $lt: edition } };
    try {
      return (
        await own
          .find(filter as Filter<Stored>)
          .limit(limit)
          .toArray()
      ).map((stored) => decode(stored as Stored));
    } catch (error) {
      throw down(error);
    }
  }
}

async function createIndexes(collection: Collection<Stored>, view: AnyView | null): Promise<void> {
  if (view === null) return;
  const indexes = [...view.indexes, ...Object.keys(view.references).map((field) => [field])];
  for (const fields of indexes) {
    const columns = fields.flatMap((field): [string, 1][] => [
      [`${meta}.none.${field}`, 1],
      [field, 1],
    ]);
    await collection.createIndex([...columns, ["_id", 1]]);
  }
}
