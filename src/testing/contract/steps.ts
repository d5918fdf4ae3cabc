/** A store's steps as hooks: where the suite ends a process, or holds it up while others go on. */
import { TidemarkError } from "../../errors.ts";
import type { DocumentGeneration, DocumentRows, DocumentStore } from "../../runtime/document-store.ts";
import type { ViewCatalog } from "../../runtime/view-catalog.ts";

export interface Steps {
  /** `work` is one step. `part`: a piece of it, where the store could have done that much and no more. */
  around<T>(step: string, work: () => Promise<T>, part?: () => Promise<unknown>): Promise<T>;
  /** As `around`, for a step inside a transaction that keeps others waiting: processes end there, but are not held up there. */
  inside<T>(step: string, work: () => Promise<T>): Promise<T>;
  /** All steps of a store of documents. */
  documents(store: DocumentStore): DocumentStore;
  /** All steps of a catalogue that concern a batch. */
  catalog(catalog: ViewCatalog): ViewCatalog;
}

/** Steps that go through `around`. */
export const stepsOf = (around: Steps["around"], inside: Steps["inside"] = around): Steps => ({
  around,
  inside,
  documents: (store) => ({ ...store, generation: (view, generation) => documentSteps(store.generation(view, generation), around) }),
  catalog: (catalog) => ({
    ...catalog,
    of(view, generation) {
      const checkpoints = catalog.of(view, generation);
      return {
        ...checkpoints,
        move: (from, to) => around("move", () => checkpoints.move(from, to)),
        checkpoint: (log, partition) => around("checkpoint", () => checkpoints.checkpoint(log, partition)),
      };
    },
  }),
});

function documentSteps(generation: DocumentGeneration, around: Steps["around"]): DocumentGeneration {
  const rows = (of: DocumentRows): DocumentRows => ({
    read: (keys) => around("read", () => of.read(keys)),
    // half of the rows written is a state that a bulk write can be left in
    write: (written) =>
      around(
        "write",
        () => of.write(written),
        () => of.write(written.slice(0, Math.ceil(written.length / 2))),
      ),
    ...(of.referring === undefined
      ? {}
      : { referring: (field, key, edition, limit) => around("referring", () => of.referring!(field, key, edition, limit)) }),
  });
  return {
    ...generation,
    own: rows(generation.own),
    referenced: new Map([...generation.referenced].map(([name, of]) => [name, rows(of)])),
    visible: () => around("visible", () => generation.visible()),
  };
}

export interface Death {
  readonly steps: Steps;
  /** It ends at its `step`th step from now: "before" it has an effect, in its "middle" where it can be in one, or "after" it, so that nobody hears of it. */
  at(step: number, when: "before" | "middle" | "after"): void;
  readonly dead: boolean;
}

/** A process that ends where it is told; whatever it still tries fails. */
export function death(): Death {
  let left = Number.POSITIVE_INFINITY;
  let when: "before" | "middle" | "after" = "before";
  let dead = false;
  const gone = (step: string) => new TidemarkError("UNAVAILABLE", { what: `The process (ended by the suite at '${step}')` });
  return {
    steps: stepsOf(async (step, work, part) => {
      if (dead) throw gone(step);
      left -= 1;
      if (left > 0) return work();
      dead = true;
      if (when === "middle" && part !== undefined) await part();
      if (when === "after") await work();
      throw gone(step);
    }),
    at(step, at) {
      left = step;
      when = at;
    },
    get dead() {
      return dead;
    },
  };
}

export interface Gate {
  readonly steps: Steps;
  /** The next step of this name waits. `reached` resolves when it has come there; `release` lets it go on. */
  hold(step: string): { readonly reached: Promise<void>; release(): void };
}

/** A process that can be held up before a step. */
export function gate(): Gate {
  const held = new Map<string, { readonly reached: () => void; readonly released: Promise<void> }>();
  const wait = async <T>(step: string, work: () => Promise<T>): Promise<T> => {
    const stop = held.get(step);
    held.delete(step);
    stop?.reached();
    await stop?.released;
    return work();
  };
  return {
    steps: stepsOf(wait, (_, work) => work()),
    hold(step) {
      const reached = Promise.withResolvers<void>();
      const released = Promise.withResolvers<void>();
      held.set(step, { reached: reached.resolve, released: released.promise });
      return { reached: reached.promise, release: released.resolve };
    },
  };
}
