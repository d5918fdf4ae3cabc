/** One word for every definition: what was, what is asked, what must come of it. */
import type { AnyAggregate, AnyView } from "../core/index.ts";
import type { Service } from "../service/service.ts";
import { aggregateSpec, type AggregateSpec } from "./aggregate-spec.ts";
import { httpSpec, type HttpSpec, type HttpSpecOptions } from "./http-spec.ts";
import { viewSpec, type ViewSpec, type ViewSpecOptions } from "./view-spec.ts";

/**
 * A specification of an aggregate, a view, a rollup, or a service's HTTP API. It needs no set-up; those of aggregates, views and rollups answer at once,
 * those of HTTP are awaited.
 * @example
 * spec(orders).given(created, submitted).when(PayOrder("o-1", { method: "card", amount: "12.50" })).then(OrderPaid({ method: "card", amount: 1250 }));
 * spec(orderSummaries).given(stream(orders, "o-1", [created])).then({ "o-1": { status: "CREATED" } });
 * await spec(ordersService).given(stream(orders, "o-1", [created])).when("POST /orders/o-1/submit").then({ status: 202 });
 */
export function spec<A extends AnyAggregate>(aggregate: A): AggregateSpec<A>;
export function spec<V extends AnyView>(view: V, options?: ViewSpecOptions): ViewSpec<V>;
export function spec(service: Service, options?: HttpSpecOptions): HttpSpec;
export function spec(
  definition: AnyAggregate | AnyView | Service,
  options?: ViewSpecOptions & HttpSpecOptions,
): AggregateSpec<AnyAggregate> | ViewSpec<AnyView> | HttpSpec {
  if (definition.kind === "aggregate") return aggregateSpec(definition);
  return definition.kind === "service" ? httpSpec(definition, options) : viewSpec(definition, options);
}
