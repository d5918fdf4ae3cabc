import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { orders } from "../../examples/orders/domain.ts";
import { ordersService } from "../../examples/orders/main.ts";
import { orderSummaries } from "../../examples/orders/views.ts";
import type { App, StatusReport } from "../service/index.ts";

const folder = mkdtempSync(join(tmpdir(), "tidemark-cli-"));
const module = new URL("../../examples/orders/main.ts", import.meta.url).pathname;
const environment = { TIDEMARK_DATA: join(folder, "data"), PORT: "0", LOG_LEVEL: "error" };

async function tidemark(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ["--conditions=source", new URL("./bin.ts", import.meta.url).pathname, ...args], {
    env: { ...process.env, ...environment, ...env },
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { code: child.exitCode, out, err };
}

let app: App;
let orderId: string;

before(async () => {
  app = await ordersService.start({ environment });
  const made = await app.execute(
    orders.commands.CreateOrder("o-1", {
      customerId: "c-1",
      items: [{ productId: "p-1", name: "Coffee", quantity: 2, unitPrice: "6.25" }],
    }),
  );
  assert.ok(made.accepted);
  orderId = made.stream;
  const read = await app.read(orderSummaries, { token: made.token }).get(orderId);
  assert.equal(read?.document.total, 1250);
});

after(async () => {
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

test("help says what there is and what the exit codes mean", async () => {
  const { code, out } = await tidemark(["--help"]);
  assert.equal(code, 0);
  for (const word of ["start", "migrate", "status", "rebuild", "DATABASE_URL", "Exit codes"]) assert.ok(out.includes(word), word);
});

test("help of a verb has an example", async () => {
  const { code, out } = await tidemark(["rebuild", "--help"]);
  assert.equal(code, 0);
  assert.match(out, /Example:\n {2}tidemark rebuild order_summaries/);
});

for (const { name, args, env, says } of [
  { name: "an unknown verb", args: ["rebiuld"], env: {}, says: /rebiuld/ },
  { name: "no service", args: ["status"], env: {}, says: /Which service\?.*--service/ },
  { name: "a module that is not there", args: ["status", "--service", "./nowhere.ts"], env: {}, says: /nowhere\.ts does not exist/ },
  {
    name: "a setting that is wrong",
    args: ["status", "--service", module],
    env: { TIDEMARK_PARTITIONS: "many" },
    says: /INVALID_SETTING: TIDEMARK_PARTITIONS/,
  },
]) {
  test(`exit code 2: ${name}`, async () => {
    const { code, err } = await tidemark(args, env);
    assert.equal(code, 2);
    assert.match(err, says);
    assert.doesNotMatch(err, / at .*\.ts:\d/, "no stack trace");
  });
}

test("status of a running embedded service, as JSON and as a table", async () => {
  const { code, out, err } = await tidemark(["status", "--service", module, "--json"]);
  assert.equal(code, 0, err);
  const report = JSON.parse(out) as StatusReport;
  const summaries = report.projections.find((projection) => projection.view === orderSummaries.name);
  assert.equal(summaries?.state, "live");
  assert.deepEqual(summaries?.partitions.find((p) => p.log === "orders")?.position, 1);
  const table = await tidemark(["status", "--service", module]);
  assert.match(table.out, /order_summaries .* live /);
});

test("rebuild of a running embedded service serves a new generation with the same documents", async () => {
  const { code, out, err } = await tidemark(["rebuild", orderSummaries.name, "--service", module, "--json"]);
  assert.equal(code, 0, err);
  assert.equal((JSON.parse(out) as { generation: number }).generation, 2);
  assert.equal((await app.read(orderSummaries).get(orderId))?.document.total, 1250);
  const { projections } = await app.status();
  assert.deepEqual(
    projections.filter((p) => p.view === orderSummaries.name).map((p) => p.state),
    ["previous", "live"],
  );
});

test("a view that is none fails with its name and those that are", async () => {
  const { code, out, err } = await tidemark(["rebuild", "order_sumaries", "--service", module, "--json"]);
  assert.equal(code, 1);
  assert.match(err, /order_sumaries.*order_summaries/);
  assert.match((JSON.parse(out) as { error: { message: string } }).error.message, /order_sumaries/);
});

test("a running service's folder is refused to migrate, by name", async () => {
  const { code, err } = await tidemark(["migrate", "--service", module]);
  assert.equal(code, 1);
  assert.match(err, new RegExp(`DATA_FOLDER_IN_USE.*process ${process.pid}`));
});

test("a stopped embedded service is opened by the command itself", async () => {
  const other = { TIDEMARK_DATA: join(folder, "other") };
  assert.deepEqual((await tidemark(["migrate", "--service", module, "--json"], other)).code, 0);
  const status = await tidemark(["status", "--service", module], other);
  assert.equal(status.code, 0, status.err);
  assert.match(status.out, /order_summaries .* live .* unknown/);
});
