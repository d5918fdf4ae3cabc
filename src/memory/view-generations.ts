/** Generations of a view in memory: made, switched and retired, each in one step. */
import type { AnyView } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import { currentGeneration } from "../runtime/current-generation.ts";
import type { Generation, ViewStore } from "../runtime/ports.ts";
import type { Handle } from "./handle.ts";
import { emptyGeneration, type ReadDatabase, type StoredGeneration } from "./read-database.ts";
import { documents } from "./view-documents.ts";

export function viewGenerations(
  database: ReadDatabase,
  own: Handle,
  /** The kind of store that the documents are in: generations of other kinds are left alone. */
  store: string,
): Pick<ViewStore, "ensure" | "create" | "switch" | "retire" | "current"> {
  const changed = () => {
    if (!own.faults.loses("generations")) database.generationsChanged.tell();
  };
  const fed = (view: AnyView) =>
    [...database.of(view).values()]
      .map(({ about }) => about)
      .filter((g) => g.store === store && g.declaredVersion === view.version && g.state !== "retired");
  const make = (view: AnyView): Generation => {
    const known = database.of(view);
    const live = [...known.values()].some(({ about }) => about.state === "live");
    const about: Generation = {
      view: view.name,
      generation: Math.max(0, ...known.keys()) + 1,
      declaredVersion: view.version,
      hash: view.hash,
      store,
      state: live ? "building" : "live",
      createdAt: new Date(database.now()).toISOString(),
    };
    known.set(about.generation, emptyGeneration(about));
    return about;
  };
  const enter = (view: AnyView, stored: StoredGeneration, state: Generation["state"]) => {
    const about = { ...stored.about, state };
    database
      .of(view)
      .set(
        about.generation,
        state === "retired" ? { about, documents: documents(), checkpoints: new Map(), caughtUpAt: null } : { ...stored, about },
      );
  };
  const refused = (view: AnyView, problem: string) => new TidemarkError("REBUILD_REFUSED", { view: view.name, problem });

  return {
    async ensure(view) {
      const answer = await own.run("ensure", { view: view.name }, () => {
        const found = fed(view);
        const past = [...database.of(view).values()].some(({ about }) => about.state === "live" && about.declaredVersion > view.version);
        return found.length > 0 || past ? { found, made: false } : { found: [make(view)], made: true };
      });
      if (answer.made) changed();
      return { generations: answer.found, changed: answer.found.length > 0 && answer.found.at(-1)!.hash !== view.hash };
    },
    async create(view) {
      const made = await own.run("create", { view: view.name }, () => make(view));
      changed();
      return made;
    },
    async switch(view, generation) {
      await own.run("switch", { view: view.name, generation }, () => {
        const all = [...database.of(view).values()];
        const next = all.find(({ about }) => about.generation === generation);
        const live = all.find(({ about }) => about.state === "live");
        if (next === undefined || next.about.state === "retired") throw refused(view, `generation ${generation} is not there`);
        if (next.about.store !== store) throw refused(view, `generation ${generation} is kept in '${next.about.store}', not in '${store}'`);
        if (next === live) return;
        for (const [key, { checkpoint }] of live?.checkpoints ?? []) {
          const found = next.checkpoints.get(key)?.checkpoint.position ?? 0;
          if (!view.logs.includes(checkpoint.log) || found >= checkpoint.position) continue;
          throw refused(
            view,
            `generation ${generation} is at position ${found} of ${key}, the live one at ${checkpoint.position}; it can go live when it has caught up`,
          );
        }
        for (const old of all) if (old.about.state === "previous" && old !== next) enter(view, old, "retired");
        if (live !== undefined) enter(view, live, "previous");
        enter(view, next, "live");
      });
      changed();
    },
    async retire(view, generation) {
      await own.run("retire", { view: view.name, generation }, () => {
        const old = database.of(view).get(generation);
        if (old === undefined) throw new TidemarkError("NOT_FOUND", { what: `Generation ${generation} of view '${view.name}'` });
        if (old.about.state === "live")
          throw refused(view, `generation ${generation} is live and cannot be retired; switch to another one first`);
        enter(view, old, "retired");
      });
      changed();
    },
    current: (view) =>
      own.run("current", { view: view.name }, () => {
        return currentGeneration(
          view,
          [...database.of(view).values()].map(({ about }) => about).filter((g) => g.store === store),
        );
      }),
  };
}
