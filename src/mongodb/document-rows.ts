/** Rows of a collection: read by key, and each written by itself over the edition that was read. */
import type { AnyBulkWriteOperation, Collection, Filter } from "mongodb";
import type { DocumentRow, DocumentRows, WriteOutcome } from "../runtime/document-store.ts";
import { outcomeOf, refusesRequest, unavailable, writeErrors } from "./errors.ts";
import { meta } from "./names.ts";
import { decode, encode, isStorageRow, type Stored, storageKey } from "./rows.ts";
import { maxDocumentBytes, unfit } from "./unfit.ts";

export function rows(collection: Collection<Stored>, indexed: readonly string[], what: string, lost: () => Error): DocumentRows {
  const down = unavailable(what);
  const self: DocumentRows = {
    async read(keys) {
      let found: Stored[];
      try {
        found = await collection.find({ _id: { $in: [...keys, storageKey] } } as unknown as Filter<Stored>).toArray();
      } catch (error) {
        throw down(error);
      }
      if (!found.some(isStorageRow)) throw lost();
      return new Map(found.flatMap((stored) => (isStorageRow(stored) ? [] : [[stored._id, decode(stored)]])));
    },
    async write(written) {
      const refused = written.map(({ document }) => (document === null ? undefined : unfit(document)));
      const sent = written.flatMap((row, index) => (refused[index] === undefined ? [{ index, row }] : []));
      const outcomes: WriteOutcome[] = refused.map((problem) => (problem === undefined ? "written" : { refused: problem }));
      if (sent.length === 0) return outcomes;
      const operations = sent.map(({ row }) => operation(encode(indexed, row), row.edition));
      try {
        await collection.bulkWrite(operations, { ordered: false });
      } catch (error) {
        const tooLarge = refusesRequest(error) ? operations.flatMap((one, i) => (isTooLarge(one) ? [i] : [])) : [];
        if (tooLarge.length > 0) return withoutSome(written, new Set(tooLarge.map((i) => sent[i]!.index)));
        for (const failed of writeErrors(error, down)) outcomes[sent[failed.index]!.index] = outcomeOf(failed, what);
      }
      return outcomes;
    },
  };
  return self;

  /** One document that is too large makes the driver or the server refuse the whole request. */
  async function withoutSome(written: readonly DocumentRow[], left: ReadonlySet<number>): Promise<readonly WriteOutcome[]> {
    const outcomes = await self.write(written.filter((_, i) => !left.has(i)));
    let next = 0;
    return written.map((_, i): WriteOutcome =>
      left.has(i) ? { refused: "MongoDB keeps no document of more than 16 MB" } : outcomes[next++]!,
    );
  }
}

/** By its JSON, which is longer than its BSON only where it holds many escapes. */
const isTooLarge = (operation: AnyBulkWriteOperation<Stored>): boolean => Buffer.byteLength(JSON.stringify(operation)) > maxDocumentBytes;

/** Where another edition is stored, the filter finds nothing and the insertion meets the key: that is how the loser is told. */
function operation(stored: Stored, edition: number): AnyBulkWriteOperation<Stored> {
  if (edition === 1) return { insertOne: { document: stored } };
  const { _id, ...replacement } = stored;
  return { replaceOne: { filter: { _id, [`${meta}.edition`]: edition - 1 }, replacement, upsert: true } };
}
