/** Fastify alone with the same routes and schemas as the orders service, and no store: Fastify's own validation and its own way to write answers. */
import fastify from "fastify";
import { z } from "zod";
import { orders } from "../../examples/orders/domain.ts";
import { orderDetails } from "../../examples/orders/views.ts";
import { type Order, orderOf } from "../workload/orders.ts";
import type { Job } from "./job.ts";
import type { Listening } from "./orders-service.ts";

type Plain = Readonly<Record<string, unknown>>;
/** As it stands on the wire; Fastify takes draft 7. */
const wireSchema = (schema: z.ZodType): Plain => z.toJSONSchema(schema, { io: "input", target: "draft-7" });

const money = (minor: number) => (minor / 100).toFixed(2);
const at = "2026-01-01T00:00:00.000Z";
const detailOf = (order: Order): Plain => ({
  orderId: order.key,
  customerId: order.customerId,
  customer: { customerId: order.customerId, name: null, email: null },
  status: "PAID",
  items: order.items.map((item) => ({ ...item, unitPrice: money(item.unitPrice), lineTotal: money(item.quantity * item.unitPrice) })),
  total: money(order.total),
  payment: { method: order.method, amount: money(order.total), paidAt: at },
  shipping: null,
  history: ["CREATED", "SUBMITTED", "PAID"].map((status) => ({ status, at })),
});

const job: Job<Record<string, never>, null> = async (_, tell) => {
  const server = fastify({ logger: false });
  const detail = detailOf(orderOf(0));
  const document = wireSchema(orderDetails.document as unknown as z.ZodType);
  const created = { type: "object", properties: { orderId: { type: "string" }, version: { type: "integer" } } };
  const found = {
    type: "object",
    properties: { order: document, version: { type: "integer" }, lastUpdated: { type: "string" }, stale: { type: "boolean" } },
  };
  server.post(
    "/orders",
    { schema: { body: wireSchema(orders.commandSchemas["CreateOrder"] as unknown as z.ZodType), response: { 202: created } } },
    (_request, reply) => reply.code(202).send({ orderId: "00000000-0000-7000-8000-000000000000", version: 1 }),
  );
  server.get<{ Params: { readonly id: string } }>(
    "/orders/:id",
    { schema: { params: { type: "object", properties: { id: { type: "string" } } }, response: { 200: found } } },
    ({ params }, reply) => reply.send({ order: { ...detail, orderId: params.id }, version: 5, lastUpdated: at, stale: false }),
  );
  const url = await server.listen({ host: "127.0.0.1", port: 0 });
  tell({ port: Number(new URL(url).port) } satisfies Listening);
  return { go: () => Promise.resolve(null), close: () => server.close() };
};
export default job;
