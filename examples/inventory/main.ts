/** The inventory service: `DATABASE_URL=postgres://… node --conditions=source examples/inventory/main.ts`. */
import { find, get, http, run, service } from "tidemark";
import { products, stockLevels } from "./stock.ts";

export const inventoryService = service({
  name: "inventory",
  aggregates: [products],
  views: [stockLevels],
  http: http({
    title: "Inventory",
    routes: {
      "GET /stock": find(stockLevels, { filter: ["free"], order: { free: "desc" } }),
      "GET /stock/{id}": get(stockLevels, { as: "stock" }),
    },
  }),
});

if (import.meta.main) await run(inventoryService);
