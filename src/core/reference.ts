/** A reference: the one way to copy fields from another log into a view (order → customer's name). */
import type { AnyReference, AnyView, Document } from "./definition.ts";
import { refuse } from "./names.ts";
import type { DocumentOf } from "./view-types.ts";

/** `"~fields"` is there for the types alone: what it copies. */
export interface Reference<Fields extends object> extends AnyReference {
  readonly "~fields"?: Fields;
}

/**
 * Copies fields from a document of another view. `fields` is pure and gets that document, or null where there is none (yet),
 * and the key by which it was looked up. It must give the same members for null as for a document.
 * @example reference(customerCards, (customer) => ({ customerName: customer?.name ?? null }))
 * @throws INVALID_DEFINITION where `fields` fails on null or gives nothing
 */
export function reference<W extends AnyView, Fields extends object>(
  view: W,
  fields: (document: DocumentOf<W> | null, key: string) => Fields,
): Reference<Fields> {
  const erased = fields as unknown as (document: Document | null, key: string) => Document;
  const copies = Object.keys(erased(null, ""));
  if (copies.length === 0)
    refuse(`A reference to '${view.name}' copies no field when there is no document; give the fields their value for that case.`);
  return { kind: "reference", view, fields: erased, copies };
}

/**
 * The whole document: what the handlers made, and the copied fields of every reference.
 * `lookup` answers the referenced document of `key`, or null; it is asked once for each reference whose field holds a string.
 */
export function fillReferences(view: AnyView, own: Document, lookup: (field: string, key: string) => Document | null): Document {
  let whole = own;
  for (const [field, reference] of Object.entries(view.references)) {
    const key = own[field];
    const referenced = typeof key === "string" ? lookup(field, key) : null;
    whole = { ...whole, ...reference.fields(referenced, typeof key === "string" ? key : "") };
  }
  return whole;
}

/** The document as handlers see it: without copied fields. */
export const stripCopies = (view: Pick<AnyView, "references">, document: Document): Document =>
  withoutFields(
    document,
    Object.values(view.references).flatMap((reference) => reference.copies),
  );

/** The same document where it has none of them. */
export function withoutFields(document: Document, fields: readonly string[]): Document {
  if (!fields.some((field) => Object.hasOwn(document, field))) return document;
  return Object.fromEntries(Object.entries(document).filter(([field]) => !fields.includes(field)));
}
