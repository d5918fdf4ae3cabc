/** npm run bench [-- name …] [--json]: real PostgreSQL and Kafka, started here. */
import { parseArgs } from "node:util";
import { wake } from "./wake.ts";

const benches: Readonly<Record<string, () => Promise<unknown[]>>> = {
  wake: async () => {
    const results = [];
    for (const split of [false, true])
      for (const clients of [1, 20, 100]) results.push(await wake({ split, clients, ordersPerClient: clients === 1 ? 300 : 40 }));
    return results;
  },
};

const { values, positionals } = parseArgs({ options: { json: { type: "boolean", default: false } }, allowPositionals: true });
const unknown = positionals.find((name) => !(name in benches));
if (unknown !== undefined) {
  console.error(`There is no benchmark '${unknown}': ${Object.keys(benches).join(", ")}`);
  process.exit(2);
}
for (const name of positionals.length > 0 ? positionals : Object.keys(benches)) {
  const rows = await benches[name]!();
  if (values.json) console.log(JSON.stringify({ name, rows }, null, 2));
  else for (const row of rows) console.log(name, JSON.stringify(row));
}
process.exit();
