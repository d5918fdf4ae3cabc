/** The orders service: `npm start`. Every part is embedded where its variable is unset. */
import { run, service } from "tidemark";
import { api } from "./api.ts";
import { customers, orders } from "./domain.ts";
import { customerProfiles, dailyOrderStats, orderDetails, orderSummaries } from "./views.ts";

export const ordersService = service({
  name: "orders",
  aggregates: [customers, orders],
  views: [orderSummaries, orderDetails, customerProfiles, dailyOrderStats],
  http: api,
});

if (import.meta.main) await run(ordersService);
