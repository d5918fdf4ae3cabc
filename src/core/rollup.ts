/** A rollup: counts, sums and averages over a view's documents, in groups. A read model of its own, with its own version, generations and checkpoints. */
import type { AnyView, Schema } from "./definition.ts";
import { hashOf } from "./hash.ts";
import type { Out } from "./message-types.ts";
import { rollupRules } from "./rollup-check.ts";
import type { Dimensions, Measures, Rollup, RollupContract } from "./rollup-types.ts";
import { jsonSchemaOf } from "./schema.ts";

/**
 * Defines a read model of groups: each document of the view `of` is counted in the group that its dimensions name, and leaves it when it changes or goes.
 * A group's key is the value of its dimension, the JSON array of the values where there are several; a group without documents is not found.
 * Its `version` is the sum of its documents' versions, its `lastUpdated` the latest of theirs.
 * @example rollup("daily", { document: z.object({ date: z.string(), orders: z.int() }), of: orderSummaries, by: { date: day("submittedAt") }, measures: { orders: count() } })
 * @throws INVALID_DEFINITION
 */
export function rollup<const N extends string, D extends Schema, V extends AnyView, const B extends Dimensions, const M extends Measures>(
  name: N,
  contract: RollupContract<D, V, B, M>,
): Rollup<N, Out<D>, keyof B & string, V> {
  const version = contract.version ?? 1;
  const document: Schema = contract.document;
  const of: AnyView = contract.of;
  const rules = rollupRules({ name, version, document, of, by: contract.by, measures: contract.measures });
  const dimensions = Object.keys(rules.by);
  const definition: AnyView = {
    kind: "rollup",
    name,
    version,
    hash: hashOf({
      name,
      version,
      document: jsonSchemaOf(document, "output"),
      of: [of.name, of.hash],
      by: Object.entries(rules.by),
      measures: Object.entries(rules.measures),
    }),
    document,
    from: of.from,
    indexes: [...dimensions.map((field) => [field]), ...(dimensions.length > 1 ? [dimensions] : [])],
    references: {},
    // what the view copies from other logs is not measured, so they need not be read
    logs: of.from.map((log) => log.name),
    keyed: "key",
    handles: of.handles,
    keys: of.keys,
    fold: of.fold,
    rollup: rules,
  };
  return definition as unknown as Rollup<N, Out<D>, keyof B & string, V>;
}
