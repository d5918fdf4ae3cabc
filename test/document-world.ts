/** Processes that keep views in one store without transactions, on one catalogue, in memory. */
import type { AnyView } from "../src/core/definition.ts";
import { type DocumentDatabase, memoryDocumentStore, memoryViewCatalog, readDatabase } from "../src/memory/index.ts";
import { documentViewStore } from "../src/runtime/document-view-store.ts";
import type { ViewProjection, ViewStore } from "../src/runtime/ports.ts";

/** `catalogue`, `documents`: those of another world. */
export function documentWorld({ catalogue = readDatabase(), documents = new Map() as DocumentDatabase } = {}) {
  /** Another process. */
  const open = (kind = "documents") => {
    const catalog = memoryViewCatalog(catalogue, kind);
    const rows = memoryDocumentStore(documents, { kind });
    return { store: documentViewStore(catalog, rows), catalog, rows };
  };
  return { catalogue, documents, open };
}

export type DocumentProcess = ReturnType<ReturnType<typeof documentWorld>["open"]>;

/** The first generation, live and with its checkpoints. */
export async function firstGeneration(store: ViewStore, view: AnyView, partitions = 1): Promise<ViewProjection> {
  await store.migrate({ ddl: true });
  await store.ensure(view);
  const projection = store.projection(view, 1);
  await projection.checkpoints(new Map(view.logs.map((log) => [log, partitions])));
  return projection;
}
