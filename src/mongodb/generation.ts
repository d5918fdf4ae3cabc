/** One generation of a view in MongoDB: a collection for its documents, and one for each view that it refers to. */
import { randomUUID } from "node:crypto";
import type { AnyBulkWriteOperation, Collection, Db, Filter } from "mongodb";
import type { AnyView } from "../core/definition.ts";
import type { DocumentGeneration, DocumentRow, DocumentRows, WriteOutcome } from "../runtime/document-store.ts";
import type { FindQuery, FoundPage } from "../runtime/ports.ts";
import { outcomeOf, unavailable, writeErrors } from "./errors.ts";
import { afterOf, checkQuery, filterOf, held, sortOf } from "./find.ts";
import { documentCollection, meta, referenceCollection, unfit } from "./names.ts";
import { decode, encode, indexedFields, type Stored, storedDocument } from "./rows.ts";

/** In the collection itself, so that it goes with the documents. No key of a document is an object. */
const storageKey = { tidemark: "storage" };

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
  const privates = new Map(referencedViews.map((of) => [of, collection(referenceCollection(prefix, view.name, generation, of.name))]));

  return {
    async prepare() {
      try {
        for (const [of, one] of [[view, own] as const, ...privates]) await createIndexes(one, of === view ? view : null);
        const found = await own.findOneAndUpdate(
          { _id: storageKey } as unknown as Filter<Stored>,
          { $setOnInsert: { [`${meta}.storage`]: randomUUID() } },
          { upsert: true, returnDocument: "after" },
        );
        return (found as unknown as Record<typeof meta, { readonly storage: string }>)[meta].storage;
      } catch (error) {
        throw down(error);
      }
    },
    own: { ...rows(own, indexedFields(view), what), referring: (field, key, edition, limit) => referring(field, key, edition, limit) },
    referenced: new Map([...privates].map(([of, one]) => [of.name, rows(one, [], what)])),
    visible: () => Promise.resolve(),
    async get(keys) {
      const found = await list({ ...held, _id: { $in: keys } } as Filter<Stored>);
      const byKey = new Map(found.map((stored) => [stored._id, stored]));
      return keys.map((key) => {
        const stored = byKey.get(key);
        return stored === undefined ? undefined : storedDocument(stored);
      });
    },
    async find(query: FindQuery): Promise<FoundPage> {
      checkQuery(view, query);
      const { where, order, limit, after } = query;
      const filter: Filter<Stored> = { $and: [held, ...filterOf(where), ...(after === undefined ? [] : [afterOf(order, after)])] };
      try {
        // one more than asked for tells whether there is a next page
        const found = await own
          .find(filter)
          .sort(sortOf(order))
          .limit(limit + 1)
          .toArray();
        const page = found.slice(0, limit);
        const last = found.length > limit ? page.at(-1)! : undefined;
        const at = (stored: Stored) => order.map(({ field }) => (stored[field] ?? null) as string | number | boolean | null);
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

  async function list(filter: Filter<Stored>): Promise<Stored[]> {
    try {
      return (await own.find(filter).toArray()) as Stored[];
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

function rows(collection: Collection<Stored>, indexed: readonly string[], what: string): DocumentRows {
  const down = unavailable(what);
  return {
    async read(keys) {
      try {
        const found = await collection.find({ _id: { $in: keys } } as Filter<Stored>).toArray();
        return new Map(found.map((stored) => [stored._id, decode(stored as Stored)]));
      } catch (error) {
        throw down(error);
      }
    },
    async write(written) {
      const refused = written.map(({ document }) => (document === null ? undefined : unfit(document)));
      const sent = written.flatMap((row, index) => (refused[index] === undefined ? [{ index, row }] : []));
      const outcomes: WriteOutcome[] = refused.map((problem) => (problem === undefined ? "written" : { refused: problem }));
      if (sent.length === 0) return outcomes;
      try {
        await collection.bulkWrite(
          sent.map(({ row }) => operation(encode(indexed, row), row.edition)),
          { ordered: false },
        );
      } catch (error) {
        for (const failed of writeErrors(error, down)) outcomes[sent[failed.index]!.index] = outcomeOf(failed, what);
      }
      return outcomes;
    },
  };
}

/** Where another edition is stored, the filter finds nothing and the insertion meets the key: that is how the loser is told. */
function operation(stored: Stored, edition: number): AnyBulkWriteOperation<Stored> {
  if (edition === 1) return { insertOne: { document: stored } };
  const { _id, ...replacement } = stored;
  return { replaceOne: { filter: { _id, [`${meta}.edition`]: edition - 1 } as Filter<Stored>, replacement, upsert: true } };
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
