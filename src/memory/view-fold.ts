/** A view folded in memory: the plainest reading of a definition, which every store's answer is compared with. */
import type { AnyView, Document } from "../core/definition.ts";
import type { LogEvent } from "../core/message.ts";
import { fillReferences } from "../core/reference.ts";
import { groupsOf } from "../core/rollup-groups.ts";
import { rowsOf } from "../core/rollup-rules.ts";

/** What a store must answer for a key. */
export interface FoldedDocument {
  /** With the copied fields. */
  readonly document: Document;
  /** Keyed by stream: the stream's version at the last handled event. By other keys: how many events were applied to the key, deletions and what came before them too (when a document was gone depends on the interleaving). */
  readonly version: number;
  /** Keyed by stream: the time of the last handled event of the stream. By other keys: the latest time of those that concerned it (there is no order between partitions). */
  readonly lastUpdated: string;
}

export interface ViewFold {
  /** One batch, in the order given. Positions at or below the last one of their partition are duplicates and skipped. A handler's error leaves the fold as it was before the batch. */
  apply(batch: readonly LogEvent[]): void;
  /** All documents, by key. */
  documents(): Map<string, FoldedDocument>;
}

/** Of a rollup: its groups, computed anew from all the documents that it measures. */
export function viewFold(view: AnyView): ViewFold {
  const { rollup } = view;
  if (rollup === undefined) return documentsFold(view);
  const rows = documentsFold(rowsOf(view));
  return { apply: rows.apply, documents: () => groupsOf(rollup, rows.documents().values()) };
}

/** Own documents are kept as JSON text between batches, as a store would, so nothing but JSON lives on. */
function documentsFold(view: AnyView): ViewFold {
  const stored = new Map<string, { readonly own: string | null; readonly version: number; readonly lastUpdated: string }>();
  const positions = new Map<string, number>();
  const referenced = new Map(Object.values(view.references).map((reference) => [reference.view, viewFold(reference.view)]));

  return {
    apply(batch) {
      const loaded = new Map<string, { own: Document | null; version: number; lastUpdated: string }>();
      const ends = new Map(positions);
      for (const event of batch) {
        const partition = `${event.log}/${event.partition}`;
        if (event.position <= (ends.get(partition) ?? 0)) continue;
        ends.set(partition, event.position);
        if (!view.handles(event)) continue;
        for (const key of view.keys(event)) {
          const before = loaded.get(key) ?? load(key);
          const own = view.fold(before.own, event, key);
          loaded.set(
            key,
            own === null && view.keyed === "stream"
              ? { own, version: 0, lastUpdated: "" }
              : {
                  own,
                  version: view.keyed === "stream" ? event.version : before.version + 1,
                  lastUpdated: view.keyed === "stream" || event.time > before.lastUpdated ? event.time : before.lastUpdated,
                },
          );
        }
      }
      for (const fold of referenced.values()) fold.apply(batch);
      for (const [key, { own, version, lastUpdated }] of loaded) {
        if (own === null && view.keyed === "stream") stored.delete(key);
        else stored.set(key, { own: own === null ? null : JSON.stringify(own), version, lastUpdated });
      }
      for (const [partition, position] of ends) positions.set(partition, position);
    },
    documents() {
      const cards = new Map([...referenced].map(([of, fold]) => [of, fold.documents()]));
      return new Map(
        [...stored].flatMap(([key, { own, version, lastUpdated }]): [string, FoldedDocument][] => {
          if (own === null) return [];
          const document = fillReferences(
            view,
            JSON.parse(own) as Document,
            (field, id) => cards.get(view.references[field]!.view)?.get(id)?.document ?? null,
          );
          return [[key, { document, version, lastUpdated }]];
        }),
      );
    },
  };

  function load(key: string): { own: Document | null; version: number; lastUpdated: string } {
    const found = stored.get(key);
    return found === undefined
      ? { own: null, version: 0, lastUpdated: "" }
      : { ...found, own: found.own === null ? null : (JSON.parse(found.own) as Document) };
  }
}

/** The documents that follow from `events`: in any order that keeps each partition's, all in one batch. */
export function freshFold(view: AnyView, events: readonly LogEvent[]): Map<string, FoldedDocument> {
  const fold = viewFold(view);
  fold.apply(events);
  return fold.documents();
}
