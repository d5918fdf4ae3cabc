/** Copied fields: which references a batch needs, and the filling of documents from the locked rows of referenced views. */
import type { Document } from "../core/definition.ts";
import { blaming, type Change } from "./view-batch.ts";
import { checkFields, checkRow, type Row } from "./view-rows.ts";
import type { ReferenceShape, ViewShape } from "./view-shape.ts";

/** Keys by the name of the referenced view. */
export type ReferenceKeys = ReadonlyMap<string, ReadonlySet<string>>;

const keyOf = (document: Document, field: string): string | null => (typeof document[field] === "string" ? document[field] : null);

/** A document whose field stays the same keeps the copy that is in its row: fan-out has kept it true. */
const isNew = ({ field }: ReferenceShape, document: Document, before: Row | undefined): boolean => {
  const old = before?.document ?? null;
  return old === null || keyOf(old, field) !== keyOf(document, field);
};

/** Only new and changed references: these must be claimed and locked before the documents are. */
export function referencesNeeded(shape: ViewShape, changes: readonly Change[], before: ReadonlyMap<string, Row>): ReferenceKeys {
  const needed = new Map<string, Set<string>>(shape.referenced.map(({ view }) => [view.name, new Set()]));
  for (const { row } of changes) {
    if (row.document === null) continue;
    for (const reference of shape.references) {
      const key = keyOf(row.document, reference.field);
      if (key !== null && isNew(reference, row.document, before.get(row.key))) needed.get(reference.reference.view.name)!.add(key);
    }
  }
  return needed;
}

export const covers = (held: ReferenceKeys, needed: ReferenceKeys): boolean =>
  [...needed].every(([view, keys]) => [...keys].every((key) => held.get(view)?.has(key) === true));

export const union = (a: ReferenceKeys, b: ReferenceKeys): ReferenceKeys =>
  new Map([...new Set([...a.keys(), ...b.keys()])].map((view) => [view, new Set([...(a.get(view) ?? []), ...(b.get(view) ?? [])])]));

/** `before`: the locked rows. `locked`: the locked rows of referenced views, by view and key. @throws HANDLER_FAILED */
export function fill(
  shape: ViewShape,
  { row, last }: Change,
  before: Row | undefined,
  locked: ReadonlyMap<string, ReadonlyMap<string, Row>>,
): Row {
  const own = row.document;
  if (own === null || shape.references.length === 0) return row;
  const document = blaming(shape.view.name, last, () => {
    let whole: Document = own;
    for (const reference of shape.references) {
      const key = keyOf(own, reference.field);
      if (!isNew(reference, own, before)) {
        whole = { ...whole, ...pick(before!.document!, reference.reference.copies) };
      } else {
        const found = key === null ? undefined : locked.get(reference.reference.view.name)?.get(key);
        whole = { ...whole, ...reference.reference.fields(found?.document ?? null, key ?? "") };
      }
    }
    checkRow(shape, row.key, whole, "whole");
    return whole;
  });
  return { ...row, document };
}

/** The copied fields of those changed referenced documents whose copies changed. @throws HANDLER_FAILED */
export function changedCopies(
  shape: ViewShape,
  { reference, copies }: ReferenceShape,
  changes: readonly Change[],
  before: ReadonlyMap<string, Row>,
): { readonly keys: string[]; readonly fields: Document[] } {
  const keys: string[] = [];
  const fields: Document[] = [];
  for (const { row, last } of changes) {
    blaming(shape.view.name, last, () => {
      const copied = reference.fields(row.document, row.key);
      checkFields(copies, copied);
      if (JSON.stringify(copied) === JSON.stringify(reference.fields(before.get(row.key)?.document ?? null, row.key))) return;
      keys.push(row.key);
      fields.push(copied);
    });
  }
  return { keys, fields };
}

const pick = (document: Document, fields: readonly string[]): Document =>
  Object.fromEntries(fields.filter((field) => Object.hasOwn(document, field)).map((field) => [field, document[field]]));
