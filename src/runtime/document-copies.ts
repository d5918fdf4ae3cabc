/**
 * Copied fields in stores without transactions. Who writes a document reads the referenced row again afterwards; who writes a referenced row then looks for
 * documents made from an older edition of it. Both see the latest acknowledged writes, so whichever comes second makes the copies right.
 */
import type { AnyView, Document } from "../core/definition.ts";
import { fillReferences, stripCopies } from "../core/reference.ts";
import type { DocumentRow, DocumentRows } from "./document-store.ts";

/** By name of the referenced view, then by key. */
export type ReferencedRows = ReadonlyMap<string, ReadonlyMap<string, DocumentRow>>;

/** What the documents refer to now. */
export async function readReferenced(
  view: AnyView,
  documents: readonly Document[],
  referenced: ReadonlyMap<string, DocumentRows>,
): Promise<ReferencedRows> {
  const wanted = new Map<string, Set<string>>();
  for (const [field, { view: of }] of Object.entries(view.references)) {
    const keys = wanted.get(of.name) ?? new Set<string>();
    wanted.set(of.name, keys);
    for (const document of documents) {
      const key = document[field];
      if (typeof key === "string") keys.add(key);
    }
  }
  const read = [...wanted].map(
    async ([name, keys]) => [name, keys.size === 0 ? new Map<string, DocumentRow>() : await referenced.get(name)!.read([...keys])] as const,
  );
  return new Map(await Promise.all(read));
}

/** The row with the copied fields of the rows given, and the editions that they are of. */
export function withCopies(view: AnyView, row: DocumentRow, referenced: ReferencedRows): DocumentRow {
  if (row.document === null) return { ...row, copied: {} };
  const rowOf = (field: string, key: string) => referenced.get(view.references[field]!.view.name)?.get(key);
  const own = stripCopies(view, row.document);
  return {
    ...row,
    document: fillReferences(view, own, (field, key) => rowOf(field, key)?.document ?? null),
    copied: Object.fromEntries(
      Object.keys(view.references).map((field) => {
        const key = own[field];
        return [field, typeof key === "string" ? (rowOf(field, key)?.edition ?? 0) : 0];
      }),
    ),
  };
}

/** Whether a copy is of an older edition than the referenced row given. */
export function isOutdated(view: AnyView, row: DocumentRow, referenced: ReferencedRows): boolean {
  const { document } = row;
  if (document === null) return false;
  return Object.entries(view.references).some(([field, { view: of }]) => {
    const key = document[field];
    const current = typeof key === "string" ? (referenced.get(of.name)?.get(key)?.edition ?? 0) : 0;
    return (row.copied[field] ?? 0) < current;
  });
}
