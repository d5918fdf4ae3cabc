/** All that the store knows of a view before it looks into the database: columns, indexes, references. */
import type { AnyReference, AnyView } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import { type Column, columnsOf } from "./view-columns.ts";
import { checkViewName } from "./view-names.ts";
import { wordColumnsOf } from "./view-words.ts";

export interface ReferenceShape {
  /** The document field that holds the key of the referenced view. */
  readonly field: string;
  readonly reference: AnyReference;
  readonly copies: readonly Column[];
  /** What fan-out writes: `copies`, and the words in them. */
  readonly written: readonly Column[];
}

export interface ViewShape {
  readonly view: AnyView;
  readonly columns: ReadonlyMap<string, Column>;
  /** Columns that hold words; none where the view declares no search. */
  readonly words: readonly Column[];
  /** What a row is written to: `columns`, then `words`. */
  readonly written: readonly Column[];
  /** Declared ones, and those that fan-out needs. */
  readonly indexes: readonly (readonly string[])[];
  readonly indexed: ReadonlySet<string>;
  readonly references: readonly ReferenceShape[];
  readonly copied: ReadonlySet<string>;
  /** Views referred to, each once, by name: the order in which their tables are locked. */
  readonly referenced: readonly ViewShape[];
}

const shapes = new WeakMap<AnyView, ViewShape>();

/** @throws INVALID_DEFINITION for a view that this store cannot keep */
export function shapeOf(view: AnyView): ViewShape {
  let shape = shapes.get(view);
  if (shape === undefined) {
    shape = makeShape(view);
    shapes.set(view, shape);
  }
  return shape;
}

function makeShape(view: AnyView): ViewShape {
  const refuse = (problem: string): never => {
    throw new TidemarkError("INVALID_DEFINITION", { what: `View '${view.name}' on PostgreSQL: ${problem}` });
  };
  checkViewName(view);
  const columns = columnsOf(view);
  const column = (field: string, role: string): Column => columns.get(field) ?? refuse(`${role} '${field}' is no field of the document.`);

  const indexes = new Map<string, readonly string[]>();
  for (const fields of [...view.indexes, ...Object.keys(view.references).map((field) => [field])]) {
    for (const field of fields) {
      if (column(field, "the indexed field").type === "json")
        refuse(`the indexed field '${field}' must be a string, number, integer or boolean (or null), so that it can be compared.`);
    }
    indexes.set(JSON.stringify(fields), fields);
  }
  const searched = wordColumnsOf(view, columns);
  const references = Object.entries(view.references).map(([field, reference], i): ReferenceShape => {
    if (column(field, "the reference's field").type !== "text")
      refuse(`the field '${field}' holds a key of view '${reference.view.name}', so it must be a string (or null).`);
    if (Object.keys(reference.view.references).length > 0)
      refuse(`'${field}' refers to view '${reference.view.name}', which has references itself; refer to the views that it copies from.`);
    const log = view.from.find(({ name }) => reference.view.logs.includes(name));
    if (log !== undefined)
      refuse(
        `it and '${reference.view.name}', to which it refers, are both folded from the log '${log.name}'; refer to views of other logs.`,
      );
    const copies = reference.copies.map((copy) => column(copy, "the copied field"));
    const words = searched.copied[i];
    return { field, reference, copies, written: words === undefined ? copies : [...copies, words] };
  });
  const referenced = new Map(references.map(({ reference }) => [reference.view.name, reference.view] as const));
  for (const { reference } of references) {
    if (referenced.get(reference.view.name) !== reference.view) refuse(`it refers to two views of the name '${reference.view.name}'.`);
  }
  const words = [searched.own, ...searched.copied].filter((each) => each !== undefined);
  return {
    view,
    columns,
    words,
    written: [...columns.values(), ...words],
    indexes: [...indexes.values()],
    indexed: new Set([...indexes.values()].flat()),
    references,
    copied: new Set(references.flatMap(({ copies }) => copies.map((c) => c.field))),
    referenced: [...referenced.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)).map((of) => unsearched(shapeOf(of))),
  };
}

/** A private copy of a referenced view is searched by nobody. */
const unsearched = (shape: ViewShape): ViewShape =>
  shape.words.length === 0 ? shape : { ...shape, words: [], written: [...shape.columns.values()] };
