/** A view store on a store without transactions: its documents there, its generations and checkpoints in the catalogue. */
import type { AnyView } from "../core/definition.ts";
import { rowsOf } from "../core/rollup-rules.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import { applyDocuments, isReferring } from "./document-apply.ts";
import { documentCache } from "./document-cache.ts";
import { documentLoad } from "./document-load.ts";
import type { DocumentGeneration, DocumentRow, DocumentStore } from "./document-store.ts";
import type { Checkpoint, ViewProjection, ViewStore } from "./ports.ts";
import { droppingRetired, isRetired, isStillAt, requireFed } from "./stored-elsewhere.ts";
import type { ViewCatalog } from "./view-catalog.ts";

/** Closing it closes both. */
export function documentViewStore(catalog: ViewCatalog, documents: DocumentStore): ViewStore {
  const generations = new WeakMap<AnyView, Map<number, DocumentGeneration>>();
  const generationOf = (view: AnyView, generation: number): DocumentGeneration => {
    const ofView = generations.get(view) ?? new Map<number, DocumentGeneration>();
    generations.set(view, ofView);
    const known = ofView.get(generation) ?? documents.generation(view, generation);
    ofView.set(generation, known);
    return known;
  };

  function projection(view: AnyView, generation: number): ViewProjection {
    const checkpoints = catalog.of(view, generation);
    const rows = generationOf(view, generation);
    // a rollup's rows are the documents that it measures
    const target = { view: rowsOf(view), generation: rows, label: documents.label, check: prepare };
    const isByStream = target.view.keyed === "stream";
    const isOwn = (log: string): boolean => target.view.from.some(({ name }) => name === log);
    const cache = isByStream && !isReferring(target.view) && rows.own.noticesLoss === true ? documentCache<DocumentRow>() : null;
    let prepared: Promise<void> | undefined;
    let declared = false;

    async function prepare(): Promise<void> {
      const storageId = await rows.prepare((await checkpoints.storage()) === null);
      // what this read database knows nothing of was made with other checkpoints, perhaps of other logs: rows that have seen its positions would take no events
      const foreign = (await checkpoints.storage()) === null && (await isFilled()) && (await checkpoints.storage()) === null;
      if (storageId !== null && !foreign && (await dropWhereGone(checkpoints.bind(storageId))) === storageId) return;
      if (await isGone()) await rows.drop();
      await requireFed(catalog, view, generation);
      throw new TidemarkError("VIEW_STORE_DIVERGED", { view: view.name, generation, store: documents.label });
    }
    async function isFilled(): Promise<boolean> {
      return (await rows.find({ where: {}, order: [], limit: 1 })).items.length > 0;
    }
    const isGone = (): Promise<boolean> => isRetired(catalog, view, generation);
    /** What a process that is late makes of a generation that is gone goes with it. */
    async function dropWhereGone<T>(work: Promise<T>): Promise<T> {
      try {
        return await work;
      } catch (error) {
        if (isTidemarkError(error, "GENERATION_MOVED")) await rows.drop();
        throw error;
      }
    }

    /** Documents first, then the checkpoint. */
    async function step(from: Checkpoint, to: Checkpoint, write: () => Promise<void>): Promise<"applied" | "moved"> {
      // documents of another version are never folded by this one's handlers
      declared ||= await catalog.isFed(view, generation);
      if (!declared) return "moved";
      try {
        await write();
      } catch (error) {
        if (isTidemarkError(error, "GENERATION_MOVED")) return "moved";
        // storage that is not there is lost only while its generation is fed
        if (isTidemarkError(error, "VIEW_STORE_DIVERGED") && !(await catalog.isFed(view, generation))) {
          // a part of the batch may have made it anew
          if (await isGone()) await rows.drop();
          return "moved";
        }
        // what fails on documents that others have moved on, or dropped, meanwhile is no failure of the event or the storage
        if (
          (isTidemarkError(error, "HANDLER_FAILED") || isTidemarkError(error, "VIEW_STORE_DIVERGED")) &&
          !(await isStillAt(checkpoints, from))
        )
          return "moved";
        throw error;
      }
      const outcome = await checkpoints.move(from, to);
      if (outcome === "moved" && (await isGone())) await rows.drop();
      return outcome;
    }

    return {
      view,
      generation,
      async checkpoints(partitions) {
        prepared ??= prepare();
        try {
          await prepared;
        } catch (error) {
          prepared = undefined;
          // that they stand still is written down beside them
          if (isTidemarkError(error, "VIEW_STORE_DIVERGED")) await checkpoints.checkpoints(partitions);
          throw error;
        }
        return checkpoints.checkpoints(partitions);
      },
      checkpoint: checkpoints.checkpoint,
      recordFailure: checkpoints.recordFailure,
      async apply(from, to, events) {
        if (cache === null || !isOwn(from.log)) return step(from, to, async () => void (await applyDocuments(target, events)));
        const known = cache.take(from);
        let written: readonly DocumentRow[] = [];
        const outcome = await step(from, to, async () => void (written = await applyDocuments(target, events, known)));
        if (outcome === "applied") cache.keep(known, to, written);
        return outcome;
      },
      // several partitions may write one document where it is keyed otherwise
      load: (from, { keep }) => (isByStream && isOwn(from.log) ? documentLoad(target, from, { keep, step }) : null),
    };
  }

  return {
    name: documents.kind,
    async migrate(options) {
      await catalog.migrate(options);
      await documents.ping();
    },
    accept: (view) => documents.accept(view),
    ...droppingRetired(catalog, (view, generation) => generationOf(view, generation).drop()),
    projection,
    current: (view) => catalog.current(view),
    async get(view, generation, keys) {
      const found = await generationOf(view, generation).get(keys);
      if (found.includes(undefined)) await requireFed(catalog, view, generation);
      return found;
    },
    async find(view, generation, query) {
      const page = await generationOf(view, generation).find(query);
      if (page.items.length < query.limit) await requireFed(catalog, view, generation);
      return page;
    },
    async search(view, generation, query) {
      const { search } = generationOf(view, generation);
      if (search === undefined)
        throw new TidemarkError("INVALID_DEFINITION", { what: `${documents.label} cannot search view '${view.name}'.` });
      const page = await search(query);
      if (page.items.length < query.limit) await requireFed(catalog, view, generation);
      return page;
    },
    status: (views) => catalog.status(views),
    recordEnds: (ends, views) => catalog.recordEnds(ends, views),
    onCheckpoint: (callback) => catalog.onCheckpoint(callback),
    onGenerations: (callback) => catalog.onGenerations(callback),
    withOwnership: (name, stop, run) => catalog.withOwnership(name, stop, run),
    async close() {
      await catalog.close();
      await documents.close();
    },
  };
}
