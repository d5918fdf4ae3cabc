/** How fast a view is rebuilt in a search engine, beside the bulk helper of its own client with the same documents. */
import type { Benchmark } from "../benchmark.ts";
import { byApply, byBulk, byLoad, type Place, searchPlace } from "../setup/search-rebuild.ts";

const ours = "Tidemark, apply";
const loading = "Tidemark, bulk load";
const raw = "client's bulk helper";

export default {
  name: "store-elasticsearch",
  title: "documents/s of a view of orders (5 events a document, one index) rebuilt into OpenSearch, and of the finished documents by bulk",
  cases({ quick, large }) {
    const orders = quick ? 10_000 : large ? 200_000 : 40_000;
    let place: Place;
    return [
      {
        name: `${orders.toLocaleString("en")} documents`,
        against: raw,
        contenders: [
          { name: ours, run: (context) => byApply(context, place) },
          { name: loading, run: (context) => byLoad(context, place) },
          { name: raw, run: (context) => byBulk(context, place) },
        ],
        goals: [ours, loading].map((of) => ({ row: `batched writes, the store's own bulk rate, ${of}`, of, against: raw, atLeast: 0.6 })),
        async prepare() {
          place = await searchPlace(orders);
          return () => place.server.stop();
        },
      },
    ];
  },
} satisfies Benchmark;
