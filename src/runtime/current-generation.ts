import type { AnyView } from "../core/definition.ts";
import type { Generation, ViewStatus } from "./ports.ts";

/**
 * What queries of this release read: of its declared version the live generation, else the previous one (a newer release's is live).
 * One that is being filled answers nobody.
 */
export function currentGeneration<G extends Generation>(view: AnyView, generations: readonly G[]): G | null {
  const own = generations.filter((g) => g.declaredVersion === view.version);
  return own.find((g) => g.state === "live") ?? own.findLast((g) => g.state === "previous") ?? null;
}

/** The same by what a store says of the view: one that another kind of store keeps cannot be read in it, though it may be the live one. */
export const currentByStatus = (view: AnyView, { store, generations }: ViewStatus): ViewStatus["generations"][number] | null =>
  currentGeneration(
    view,
    generations.filter((g) => g.store === store),
  );
