/** What every view store needs whose documents are not in the read database: when a checkpoint was moved, and what becomes of retired storage. */
import type { AnyView } from "../core/definition.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import type { Checkpoint, ViewStore } from "./ports.ts";
import type { CatalogCheckpoints, ViewCatalog } from "./view-catalog.ts";

/** Nobody has moved it since, and its generation is fed. */
export async function isStillAt(checkpoints: Pick<CatalogCheckpoints, "checkpoint">, from: Checkpoint): Promise<boolean> {
  try {
    const now = await checkpoints.checkpoint(from.log, from.partition);
    return now.position === from.position && now.eventId === from.eventId;
  } catch (error) {
    if (isTidemarkError(error, "GENERATION_MOVED")) return false;
    throw error;
  }
}

export const generationMoved = (view: AnyView, generation: number): TidemarkError =>
  new TidemarkError("GENERATION_MOVED", { view: view.name, generation });

/** Documents are dropped after their generation is retired: what is missing counts only while it is not. @throws GENERATION_MOVED */
export async function requireFed(catalog: Pick<ViewCatalog, "isFed">, view: AnyView, generation: number): Promise<void> {
  if (!(await catalog.isFed(view, generation))) throw generationMoved(view, generation);
}

/** Retired for good: nothing of it is anybody's. Not so where only its declared version is another, or another kind of store keeps it. */
export async function isRetired(catalog: Pick<ViewCatalog, "status">, view: AnyView, generation: number): Promise<boolean> {
  const [status] = await catalog.status([view]);
  const found = status?.generations.find((one) => one.generation === generation);
  return found?.state === "retired" && found.store === status?.store;
}

/** The catalogue's generations, whose storage `drop` takes away once they are retired: also what a crash left, or what was retired while the store was down. */
export function droppingRetired(
  catalog: ViewCatalog,
  drop: (view: AnyView, generation: number) => Promise<void>,
): Pick<ViewStore, "ensure" | "create" | "switch" | "retire"> {
  async function dropRetired(view: AnyView): Promise<void> {
    for (const generation of await catalog.leftovers(view)) {
      await drop(view, generation);
      await catalog.dropped(view, generation);
    }
  }
  return {
    async ensure(view) {
      const answer = await catalog.ensure(view);
      await dropRetired(view);
      return answer;
    },
    create: (view) => catalog.create(view),
    async switch(view, generation) {
      await catalog.switch(view, generation);
      await dropRetired(view);
    },
    async retire(view, generation) {
      await catalog.retire(view, generation);
      await dropRetired(view);
    },
  };
}
