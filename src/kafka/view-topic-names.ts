/** Names of a view's topics, and which views a topic can hold. */
import type { AnyView } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";

export const kind = "kafka";

/** The documents of one generation of a view: `orders_read` in its third is `orders-read-g3`. Names of views hold no hyphen, so no two share a topic. */
export const viewTopicOf = (prefix: string, view: string, generation: number): string =>
  `${prefix}${view.replaceAll("_", "-")}-g${generation}`;

/** Who writes a partition: the latest that took this id, whatever process it is in. */
export const transactionalIdOf = (topic: string, partition: number): string => `${topic}-${partition}`;

/** @throws INVALID_DEFINITION naming what a topic lacks */
export function acceptView(view: AnyView): void {
  const refuse = (problem: string): never => {
    throw new TidemarkError("INVALID_DEFINITION", { what: `View '${view.name}' as a compacted topic: ${problem}` });
  };
  if (view.rollup !== undefined) refuse("it is a rollup, and a topic keeps no groups. PostgreSQL and ClickHouse have them.");
  if (view.search !== undefined) refuse("it declares 'search', and a topic has none. Elasticsearch, OpenSearch and PostgreSQL do.");
  if (Object.keys(view.references).length > 0)
    refuse(
      "it has references, and a topic has no conditional write to keep copied fields right. PostgreSQL, MongoDB and Elasticsearch do.",
    );
  if (view.keyed !== "stream" || view.from.length !== 1)
    refuse(
      "its keys are fed from several partitions, and a topic has no conditional write to order them. It keeps views made with 'create' from one log; PostgreSQL, MongoDB and Elasticsearch keep the others.",
    );
}
