/** A view: a keyed fold over logs, defined by a contract (data) and a behaviour (pure functions). */
import type { AnyAggregate, AnyReference, AnyView, Schema } from "./definition.ts";
import { hashOf, sourceOf } from "./hash.ts";
import type { Out } from "./message-types.ts";
import { jsonSchemaOf } from "./schema.ts";
import { checkView } from "./view-check.ts";
import { foldOf, type ErasedBehaviour } from "./view-fold.ts";
import type {
  References,
  Births,
  Folds,
  Indexed,
  Indexes,
  Logs,
  Own,
  SearchableBy,
  SearchContract,
  View,
  ViewBehaviour,
  ViewContract,
} from "./view-types.ts";

/**
 * Defines a read model: documents by key, each a fold of the events that concern it.
 *
 * With `create`, a document's key is its stream: an event named there bears it, later events find it in `on`, null deletes it.
 * An event named in both bears a document where there is none and is folded by `on` where there is one; named in `create` alone, it leaves an existing document as it is.
 *
 * With `initial`, any event may come first: `key` maps an event to a key, to several or to none (without `key`: its stream), and every document starts from `initial(key)`,
 * also after null deleted it. There is no order between streams of different partitions or logs, so handlers must not rest on one.
 * @throws INVALID_DEFINITION
 */
export function view<
  const N extends string,
  D extends Schema,
  const L extends Logs,
  H extends Folds<L, Own<Out<D>, R>>,
  B extends Births<L, Own<Out<D>, R>>,
  const I extends Indexes<Out<D>> = readonly [],
  R extends References<Out<D>> = {},
  const S extends SearchContract<Out<D>, I> | undefined = undefined,
>(
  name: N,
  contract: ViewContract<D, L, I, R, S>,
  behaviour: ViewBehaviour<L, Own<Out<D>, R>, H, B>,
): View<N, Out<D>, Indexed<I> & string, L> & SearchableBy<S> {
  const erased = behaviour as unknown as ErasedBehaviour;
  const version = contract.version ?? 1;
  const from: readonly AnyAggregate[] = contract.from;
  const indexes = ((contract.indexes ?? []) as readonly (string | readonly string[])[]).map((index) =>
    typeof index === "string" ? [index] : index,
  );
  const references = (contract.references ?? {}) as Readonly<Record<string, AnyReference>>;
  const search = searchOf(contract.search);
  checkView({ name, version, document: contract.document, from, indexes, references, search, behaviour: erased });

  const definition: AnyView = {
    kind: "view",
    name,
    version,
    hash: hashOf({
      name,
      version,
      document: jsonSchemaOf(contract.document, "output"),
      from: from.map((log) => log.name),
      indexes,
      references: Object.entries(references).map(([field, reference]) => [
        field,
        reference.view.name,
        reference.view.hash,
        sourceOf(reference.fields),
      ]),
      behaviour: hashable(erased),
      ...(search === undefined ? {} : { search }),
    }),
    document: contract.document,
    from,
    indexes,
    references,
    logs: [...new Set([...from.map((log) => log.name), ...Object.values(references).flatMap((reference) => reference.view.logs)])],
    keyed: erased.create === undefined ? "key" : "stream",
    ...(search === undefined ? {} : { search }),
    ...foldOf(
      from,
      Object.values(references).flatMap((reference) => reference.copies),
      erased,
    ),
  };
  return definition as unknown as View<N, Out<D>, Indexed<I> & string, L> & SearchableBy<S>;
}

const searchOf = (given: { readonly text: readonly string[]; readonly facets?: readonly string[] } | undefined): AnyView["search"] =>
  given === undefined ? undefined : { text: given.text, facets: given.facets ?? [] };

/** Functions by their text, maps by member. */
const hashable = (value: unknown): unknown =>
  typeof value === "function"
    ? sourceOf(value)
    : typeof value === "object" && value !== null
      ? Object.fromEntries(Object.entries(value).map(([name, member]) => [name, hashable(member)]))
      : value;
