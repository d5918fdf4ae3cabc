import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { embeddedProgram, killEmbedded } from "../../regression/embedded.ts";
import { explain } from "../../regression/explain.ts";
import { send } from "../../regression/http.ts";
import { underNpm } from "../../regression/npm-start.ts";

const scratch = () => mkdtempSync(join(tmpdir(), "tidemark-system-"));

test("killed under load it loses no acknowledged command; a second process on its folder is refused and harms nothing", async (t) => {
  const dir = scratch();
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const result = await killEmbedded({ dir, kills: 3, seed: 7 });
  t.after(() => result.program.kill());
  assert.equal(
    result.violations
      .slice(0, 5)
      .map((v) => explain(v, result.history.commands, result.stores))
      .join("\n"),
    "",
  );
  assert.ok(
    result.report.accepted > 20 && result.report.reads > 20,
    `only ${result.report.accepted} commands and ${result.report.reads} reads`,
  );
  assert.equal(result.second.code, 1);
  assert.match(result.second.output, /DATA_FOLDER_IN_USE/);
  assert.equal(result.code, 0, "Ctrl-C");
});

// bash gives its place to the program, so npm sends the signal to it a second time
for (const shell of ["sh", "bash"] as const) {
  test(`stopped by Ctrl-C through npm (${shell}) it closes cleanly; started again it has all data`, async (t) => {
    const dir = scratch();
    const program = await embeddedProgram(dir);
    t.after(async () => {
      await program.kill();
      rmSync(dir, { recursive: true, force: true });
    });
    const npm = await underNpm(dir, shell);
    const order = { orderId: "o-1", customerId: "c-1", items: [{ productId: "p-1", name: "Tea", quantity: 2, unitPrice: "6.25" }] };
    const created = await send({ method: "POST", url: `${npm.url}/orders`, body: order });
    assert.equal(created.status, 202, created.problem ?? JSON.stringify(created.body));
    const ended = await npm.interrupt();
    assert.deepEqual(ended.left, [], "processes that npm left behind");
    // npm tells its shell's end as its own; bash gave its place to the program, so this is the program's
    if (shell === "bash") assert.deepEqual([ended.code, ended.signal], [0, null]);
    else assert.ok(ended.code === 0 || ended.signal === "SIGINT", `npm ended with ${ended.code ?? ended.signal}`);
    assert.doesNotMatch(npm.output(), /Error|did not stop/);
    assert.match(npm.output(), /curl/);

    program.start();
    await program.ready();
    const read = await send({ method: "GET", url: `${program.url}/orders/o-1`, headers: { "consistency-token": created.token! } });
    assert.deepEqual([read.status, (read.body as { order: { total: string } }).order.total], [200, "12.50"]);
    assert.deepEqual(await program.stop("SIGINT"), { code: 0, signal: null });
  });
}
