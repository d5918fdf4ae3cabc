/** What a generation's table holds beside its own columns, and how documents are read from it. */
import type { AnyView, Document } from "../core/definition.ts";
import type { StoredDocument } from "../runtime/ports.ts";
import { cellOf, columnsOf } from "./columns.ts";
import type { Columns } from "./find.ts";
import { acceptFeatures, acceptNames } from "./names.ts";
import { rollupShape } from "./rollup.ts";
import { type DocumentAnswer, decodeDocument, documentSelection } from "./rows.ts";
import type { Cell } from "./sql.ts";

export interface Shape {
  /** Definitions and names of columns, in the same order. */
  readonly columns: readonly { readonly name: string; readonly definition: string }[];
  /** Of a document that is not deleted. */
  cells(document: Document): { readonly cells: readonly Cell[] } | { readonly problem: string };
  /** Of one that is. */
  readonly none: readonly Cell[];
  /** What `find` filters and orders by. */
  readonly found: Columns;
  /** The column of the documents' keys. */
  readonly key: string;
  readonly held: string;
  readonly selection: string;
  /** "" or a clause. */
  readonly groupBy: string;
  decode(answer: readonly unknown[]): { readonly key: string; readonly stored: StoredDocument };
}

const shapes = new WeakMap<AnyView, Shape>();

/** @throws INVALID_DEFINITION for a view that this store cannot keep */
export function shapeOf(view: AnyView): Shape {
  let shape = shapes.get(view);
  if (shape === undefined) {
    acceptNames(view);
    acceptFeatures(view);
    shape = view.rollup === undefined ? viewShape(view) : rollupShape(view.rollup);
    shapes.set(view, shape);
  }
  return shape;
}

function viewShape(view: AnyView): Shape {
  const columns = columnsOf(view);
  const indexed = new Set(view.indexes.flat());
  return {
    columns: columns.map(({ name, type }) => ({ name, definition: `${name} Nullable(${type})` })),
    cells(document) {
      const cells: Cell[] = [];
      for (const column of columns) {
        const made = cellOf(column, document);
        if ("problem" in made) return made;
        cells.push(made.cell);
      }
      return { cells };
    },
    none: columns.map(() => null),
    found: new Map(columns.filter(({ field }) => indexed.has(field)).map((column) => [column.field, column])),
    key: "_key",
    held: "not _deleted",
    selection: documentSelection,
    groupBy: "",
    decode: (answer) => ({ key: answer[0] as string, stored: decodeDocument(answer as unknown as DocumentAnswer) }),
  };
}
