import type { AnyView } from "../core/definition.ts";
import type { Generation } from "./ports.ts";

/**
 * What queries of this release read: of its declared version the live generation, else the previous one (a newer release's is live).
 * One that is being filled answers nobody.
 */
export function currentGeneration<G extends Generation>(view: AnyView, generations: readonly G[]): G | null {
  const own = generations.filter((g) => g.declaredVersion === view.version);
  return own.find((g) => g.state === "live") ?? own.findLast((g) => g.state === "previous") ?? null;
}
