/** One word for every definition: what was, what is asked, what must come of it. */
import type { AnyAggregate, AnyView } from "../core/index.ts";
import { aggregateSpec, type AggregateSpec } from "./aggregate-spec.ts";
import { viewSpec, type ViewSpec, type ViewSpecOptions } from "./view-spec.ts";

/**
 * A specification of an aggregate or a view. It needs no set-up and answers at once.
 * @example
 * spec(orders).given(created, submitted).when(PayOrder("o-1", { method: "card", amount: "12.50" })).then(OrderPaid({ method: "card", amount: 1250 }));
 * spec(orderSummaries).given(stream(orders, "o-1", [created])).then({ "o-1": { status: "CREATED" } });
 */
export function spec<A extends AnyAggregate>(aggregate: A): AggregateSpec<A>;
export function spec<V extends AnyView>(view: V, options?: ViewSpecOptions): ViewSpec<V>;
export function spec(definition: AnyAggregate | AnyView, options?: ViewSpecOptions): AggregateSpec<AnyAggregate> | ViewSpec<AnyView> {
  return definition.kind === "aggregate" ? aggregateSpec(definition) : viewSpec(definition, options);
}
