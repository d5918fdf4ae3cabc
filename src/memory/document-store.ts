/** A store without transactions, in memory: what stores that keep documents by key are compared with, and what their shared logic is tested on. */
import { randomUUID } from "node:crypto";
import type { AnyView, Document } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import {
  type DocumentGeneration,
  type DocumentRow,
  type DocumentRows,
  type DocumentStore,
  joinedId,
  type WriteOutcome,
} from "../runtime/document-store.ts";
import { find } from "../runtime/find-in-memory.ts";
import type { StoredDocument } from "../runtime/ports.ts";
import { search } from "../runtime/search-in-memory.ts";
import type { Faults } from "./faults.ts";
import { handle } from "./handle.ts";

/** JSON text of rows, by key. */
type Table = Map<string, string>;

interface Storage {
  /** By name of the view, as `tables`; none: rows were written where no storage was prepared. */
  readonly ids: Map<string, string>;
  readonly tables: Map<string, Table>;
}

/** What the handles of all "processes" share: by view and generation. */
export type DocumentDatabase = Map<string, Storage>;

export interface MemoryDocumentStore extends DocumentStore {
  readonly faults: Faults;
  kill(): void;
}

export function memoryDocumentStore(
  database: DocumentDatabase,
  { faults, kind = "documents" }: { readonly faults?: Faults; readonly kind?: string } = {},
): MemoryDocumentStore {
  const own = handle("The document store", faults);

  function generation(view: AnyView, number: number): DocumentGeneration {
    const name = `${view.name}/${number}`;
    const referenced = [...new Map(Object.values(view.references).map((reference) => [reference.view.name, reference.view])).values()];
    const storageThere = (): Storage => {
      const storage = database.get(name) ?? { ids: new Map<string, string>(), tables: new Map<string, Table>() };
      database.set(name, storage);
      return storage;
    };
    const table = (of: string): Table => {
      // a write makes what is not there, as those of many stores do
      const storage = storageThere();
      const known = storage.tables.get(of) ?? (new Map() as Table);
      storage.tables.set(of, known);
      return known;
    };
    const existing = (of: string): Table => database.get(name)?.tables.get(of) ?? (new Map() as Table);
    const rows = (of: AnyView): DocumentRows => ({
      noticesLoss: true,
      read: (keys) =>
        own.run("readRows", { of: of.name, keys }, () => {
          const stored = existing(of.name);
          if (of !== view && database.get(name)?.ids.has(of.name) !== true)
            throw new TidemarkError("VIEW_STORE_DIVERGED", { view: view.name, generation: number, store: "memory" });
          return new Map(keys.flatMap((key): [string, DocumentRow][] => (stored.has(key) ? [[key, decode(stored.get(key)!)]] : [])));
        }),
      write: (written) =>
        own.run("writeRows", { of: of.name, rows: written }, () => {
          const stored = table(of.name);
          return written.map((row): WriteOutcome => {
            const known = stored.get(row.key);
            if ((known === undefined ? 0 : decode(known).edition) !== row.edition - 1) return "lost";
            stored.set(row.key, JSON.stringify(row));
            return "written";
          });
        }),
      referring: (field, key, edition, limit) =>
        own.run("referring", { field, key }, () =>
          [...existing(of.name).values()]
            .map(decode)
            .filter(({ document, copied }) => document !== null && document[field] === key && (copied[field] ?? 0) < edition)
            .slice(0, limit),
        ),
    });
    const documents = (): Map<string, StoredDocument> =>
      new Map(
        [...(database.get(name)?.ids.has(view.name) !== true ? [] : existing(view.name).values())].flatMap(
          (text): [string, StoredDocument][] => {
            const { key, document, version, lastUpdated } = decode(text);
            return document === null ? [] : [[key, { document, version, lastUpdated }]];
          },
        ),
      );
    return {
      prepare: (mayCreate = true) =>
        own.run("bind", { view: view.name, generation: number }, () => {
          const idOf = (of: AnyView): string | null => {
            const id = database.get(name)?.ids.get(of.name) ?? (mayCreate ? randomUUID() : null);
            if (id !== null) storageThere().ids.set(of.name, id);
            return id;
          };
          return joinedId(idOf(view), referenced.map(idOf));
        }),
      own: rows(view),
      referenced: new Map(referenced.map((of) => [of.name, rows(of)])),
      visible: () => own.run("visible", { view: view.name, generation: number }, () => undefined),
      get: (keys) =>
        own.run("get", { view: view.name, generation: number, keys }, () => {
          const found = documents();
          return keys.map((key) => found.get(key));
        }),
      find: (query) => own.run("find", { view: view.name, generation: number }, () => find(view, documents(), query)),
      search: (query) => own.run("find", { view: view.name, generation: number }, () => search(view, documents(), query)),
      drop: () =>
        own.run("retire", { view: view.name, generation: number }, () => {
          database.delete(name);
        }),
    };
  }

  return {
    kind,
    label: "memory",
    faults: own.faults,
    accept(view) {
      if (view.rollup !== undefined)
        throw new TidemarkError("INVALID_DEFINITION", {
          what: `Rollup '${view.name}': the store of documents in memory keeps views only.`,
        });
    },
    generation,
    ping: () => Promise.resolve(),
    close() {
      own.close();
      return Promise.resolve();
    },
    kill: own.kill,
  };
}

const decode = (text: string): DocumentRow => JSON.parse(text) as DocumentRow & { readonly document: Document | null };
