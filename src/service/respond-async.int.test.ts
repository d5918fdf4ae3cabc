/** The embedded default: no Kafka, no server, the same routes. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { counters } from "../../test/counters.ts";
import { eventually } from "../../test/memory-world.ts";
import { silent } from "../../test/write-side.ts";
import { http } from "../http/index.ts";
import { service } from "./service.ts";

test(
  "commands are accepted into the write store and decided in the same process; status and readiness tell of them",
  { timeout: 60_000 },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "tidemark-async-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const counting = service({
      name: "counting",
      aggregates: [counters],
      views: [],
      http: http({
        title: "Counters",
        statuses: { NotOpen: 404 },
        routes: { "POST /counters": counters.commands.Open, "POST /counters/{id}/add": counters.commands.Add },
      }),
    });
    const start = (roles?: string) =>
      counting.start({
        environment: { TIDEMARK_DATA: folder, PORT: "0", ...(roles === undefined ? {} : { TIDEMARK_ROLES: roles }) },
        logger: silent,
      });
    const post = (url: string, body: unknown, prefer: string) =>
      fetch(url, { method: "POST", headers: { "content-type": "application/json", prefer }, body: JSON.stringify(body) });

    await using first = await start();
    const accepted = await post(`${first.url}/counters`, { counterId: "a" }, "respond-async");
    assert.equal(accepted.status, 202);
    const location = accepted.headers.get("location")!;
    const added = await post(`${first.url}/counters/a/add`, { by: 3 }, "respond-async, wait=20");
    assert.deepEqual([added.status, await added.json()], [202, { counterId: "a", version: 2 }]);
    const status = (await (await fetch(first.url + location)).json()) as { status: string; answer: unknown };
    assert.deepEqual([status.status, status.answer], ["accepted", { status: 202, body: { counterId: "a", version: 1 } }]);
    assert.equal((await fetch(`${first.url}/commands/none`)).status, 404);
    assert.deepEqual(
      (await first.status()).commands.map(({ log, position, end, lag, state }) => ({ log, position, end, lag, state })),
      [{ log: "counters", position: 2, end: 2, lag: 0, state: "running" }],
    );
    const checks = ((await (await fetch(`${first.url}/readyz`)).json()) as { checks: { name: string; status: string }[] }).checks;
    assert.equal(checks.find(({ name }) => name === "commands of log 'counters'")?.status, "pass");
    await first.close();

    // nobody decides here: the preference is ignored, and the synchronous answer given
    await using second = await start("command,relay,projection,query");
    const sync = await post(`${second.url}/counters/a/add`, { by: 1 }, "respond-async");
    assert.deepEqual([sync.status, sync.headers.get("preference-applied"), await sync.json()], [202, null, { counterId: "a", version: 3 }]);
    assert.equal(((await (await fetch(second.url + location)).json()) as { status: string }).status, "accepted");
    await second.close();

    await using third = await start();
    const again = await post(`${third.url}/counters/a/add`, { by: 1 }, "respond-async");
    await eventually("it is decided", async () => {
      const told = (await (await fetch(`${third.url}${again.headers.get("location")}`)).json()) as { status: string };
      return told.status === "accepted";
    });
  },
);
