/** The orders service: `npm start`. Every part is embedded where its variable is unset. */
import { run, service } from "tidemark";
import { clickhouse } from "tidemark/clickhouse";
import { elasticsearch } from "tidemark/elasticsearch";
import { mongodb } from "tidemark/mongodb";
import { topic } from "tidemark/topic";
import { api } from "./api.ts";
import { customers, orders } from "./domain.ts";
import { customerProfiles, dailyOrderStats, orderDetails, orderSearch, ordersRead, orderSummaries } from "./views.ts";

export const ordersService = service({
  name: "orders",
  aggregates: [customers, orders],
  views: [orderSummaries, orderDetails, orderSearch, customerProfiles, dailyOrderStats, ordersRead],
  // each in the store that suits its queries, where that store's setting names one; else in the read database
  viewStores: { order_details: mongodb(), daily_order_stats: clickhouse(), order_search: elasticsearch(), orders_read: topic() },
  http: api,
});

if (import.meta.main) await run(ordersService);
