/** The service's HTTP API: which request is which command, and which answer comes from which view. */
import { find, get, http, search } from "tidemark/http";
import { z } from "zod";
import { customers, orders } from "./domain.ts";
import { customerProfiles, dailyOrderStats, orderDetails, orderSearch, orderSummaries } from "./views.ts";

const newestFirst = { createdAt: "desc" } as const;

export const api = http({
  title: "Orders",
  example: `curl -i {url}/orders -H 'content-type: application/json' -d '{"customerId":"c-1","items":[{"productId":"p-1","name":"Coffee","quantity":2,"unitPrice":"6.25"}]}'`,
  encode: z.encode,
  statuses: { CustomerNotFound: 404, OrderNotFound: 404, AmountMismatch: 422, TotalTooLarge: 422 },
  routes: {
    "POST /customers": customers.commands.RegisterCustomer,
    "POST /customers/{id}/rename": customers.commands.RenameCustomer,
    "POST /orders": orders.commands.CreateOrder,
    "POST /orders/{id}/items": orders.commands.AddItem,
    "POST /orders/{id}/submit": orders.commands.SubmitOrder,
    "POST /orders/{id}/pay": orders.commands.PayOrder,
    "POST /orders/{id}/ship": orders.commands.ShipOrder,
    "POST /orders/{id}/cancel": orders.commands.CancelOrder,
    "GET /orders": find(orderSummaries, { filter: ["customerId", "status"], order: newestFirst }),
    "GET /orders/search": search(orderSearch, {
      filter: ["status", "customerId"],
      order: newestFirst,
      hide: ["productIds", "itemNames"],
    }),
    "GET /orders/{id}": get(orderDetails, { as: "order" }),
    "GET /customers/{id}": get(customerProfiles, { as: "customer" }),
    "GET /customers/{customerId}/orders": find(orderSummaries, { filter: ["customerId", "status"], order: newestFirst }),
    "GET /stats/daily": find(dailyOrderStats, { between: "date", order: { date: "asc" } }),
  },
});
