/** Given the events of some streams, then these documents: whatever the interleaving, the cuts, the repeats. */
import { AssertionError, deepStrictEqual } from "node:assert/strict";
import type { AnyView, DocumentOf, LogEvent } from "../core/index.ts";
import { viewFold, type FoldedDocument } from "../memory/view-fold.ts";
import { refuseFunctions } from "./aggregate-spec.ts";
import { documentCheck } from "./document-check.ts";
import { frozen } from "./frozen.ts";
import { loggedEvents, type StreamHistory } from "./history.ts";
import { partLike } from "./part.ts";
import { newSeed, random, type Random } from "./random.ts";

export interface ViewSpecOptions {
  /** Chooses interleavings and cuts; a failing spec prints its own, to be given here. A new one each time unless given. */
  readonly seed?: number;
  /** How many interleavings are tried; 40 unless given. */
  readonly runs?: number;
}

/** Any part of a document: members that are not named are not compared. */
export type Part<T> = T extends readonly unknown[] ? T : T extends object ? { readonly [K in keyof T]?: Part<T[K]> } : T;

export interface ViewSpec<V> {
  /** What happened; more than one call adds up. Streams of the view's own logs and of those it refers to. */
  given(...streams: readonly StreamHistory[]): ViewSpec<V>;
  /**
   * Exactly these documents, by key; of each, the members that are named. null: none under that key.
   * @throws AssertionError where a document differs, does not match the view's schema, or depends on the interleaving, the batch cuts or repeats
   */
  then(documents: Readonly<Record<string, Part<DocumentOf<V>> | null>>): void;
}

export function viewSpec<V extends AnyView>(view: V, options: ViewSpecOptions = {}, histories: readonly StreamHistory[] = []): ViewSpec<V> {
  return {
    given: (...streams) => viewSpec(view, options, [...histories, ...streams]),
    then(expected) {
      refuseFunctions([expected]);
      const foreign = histories.find(({ log }) => !view.logs.includes(log));
      if (foreign !== undefined) throw new Error(`View '${view.name}' reads no log '${foreign.log}'; it reads ${view.logs.join(", ")}.`);
      const streams = loggedEvents(histories);
      const documents = inOrder(view, streams);
      checkDocuments(view, documents);
      checkExpected(documents, expected);
      checkAnyOrder(view, streams, documents, options);
    },
  };
}

const inOrder = (view: AnyView, streams: readonly (readonly LogEvent[])[]): Map<string, FoldedDocument> => {
  const fold = viewFold(guarded(view));
  fold.apply(streams.flat());
  return fold.documents();
};

/** Handlers get frozen documents and events, so one that changes them in place fails at once. */
const guarded = (view: AnyView): AnyView => ({
  ...view,
  keys: (event) => view.keys(frozen(event)),
  fold: (current, event, key) => view.fold(frozen(current), frozen(event), key),
});

function checkDocuments(view: AnyView, documents: ReadonlyMap<string, FoldedDocument>): void {
  const problemOf = documentCheck(view);
  for (const [key, { document }] of documents) {
    const problem = problemOf(document);
    if (problem !== undefined)
      throw new AssertionError({
        message: `The document '${key}' of view '${view.name}' does not match its schema: ${problem}`,
        actual: document,
      });
  }
}

function checkExpected(documents: ReadonlyMap<string, FoldedDocument>, expected: Readonly<Record<string, unknown>>): void {
  const named = Object.entries(expected).filter(([, part]) => part !== null);
  const actual = Object.fromEntries(
    [...documents].map(([key, { document }]) => [
      key,
      Object.hasOwn(expected, key) && expected[key] !== null ? partLike(document, expected[key]) : document,
    ]),
  );
  deepStrictEqual(actual, Object.fromEntries(named), "The documents are not those expected");
}

function checkAnyOrder(
  view: AnyView,
  streams: readonly (readonly LogEvent[])[],
  expected: ReadonlyMap<string, FoldedDocument>,
  { seed = newSeed(), runs = 40 }: ViewSpecOptions,
): void {
  const choose = random(seed);
  for (let run = 0; run < runs; run++) {
    const order = interleave(streams, choose);
    const batches = cut(order, choose);
    const say = `View '${view.name}' is no function of its logs alone. To repeat: spec(view, { seed: ${seed} }), run ${run + 1}.\nThe events came in this order, | between batches: ${described(batches)}`;
    const fold = viewFold(guarded(view));
    try {
      for (const batch of batches) {
        fold.apply(batch);
        if (choose.below(4) === 0) fold.apply(batch);
      }
      if (choose.below(2) === 0) fold.apply(order);
    } catch (cause) {
      if (cause instanceof Error) cause.message = `${cause.message}\n${say}`;
      throw cause;
    }
    deepStrictEqual(plain(fold.documents()), plain(expected), say);
  }
}

const plain = (documents: ReadonlyMap<string, FoldedDocument>) =>
  Object.fromEntries([...documents].map(([key, { document }]) => [key, document]));

/** One of the orders in which these streams may be read: each stream's own order is kept. */
function interleave(streams: readonly (readonly LogEvent[])[], choose: Random): readonly LogEvent[] {
  const rest = streams.filter((events) => events.length > 0).map((events) => [...events]);
  const order: LogEvent[] = [];
  while (rest.length > 0) {
    const at = choose.below(rest.length);
    order.push(rest[at]!.shift()!);
    if (rest[at]!.length === 0) rest.splice(at, 1);
  }
  return order;
}

function cut(events: readonly LogEvent[], choose: Random): readonly (readonly LogEvent[])[] {
  const batches: LogEvent[][] = [];
  for (let at = 0; at < events.length;) {
    const size = 1 + choose.below(choose.below(2) === 0 ? 2 : events.length);
    batches.push(events.slice(at, at + size));
    at += size;
  }
  return batches;
}

const described = (batches: readonly (readonly LogEvent[])[]) =>
  batches.map((batch) => batch.map((event) => `${event.log}/${event.stream} ${event.type}`).join(", ")).join(" | ");
