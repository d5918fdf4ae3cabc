/** A handler that fails stops that partition of that view loudly (log, status, readiness) and nothing else; mended, it goes on from there. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { aggregate, get, http, service, view } from "tidemark";
import { z } from "zod";
import type { Logger } from "../../src/runtime/ports.ts";

const notes = aggregate(
  "notes",
  {
    id: "noteId",
    commands: { WriteNote: z.strictObject({ text: z.string() }) },
    events: { NoteWritten: z.object({ text: z.string() }) },
    initial: {},
  },
  { decide: { WriteNote: (_, { data }, { NoteWritten }) => NoteWritten(data) }, evolve: { NoteWritten: (state) => state } },
);
const text = (name: string, takesBad: boolean) =>
  view(
    name,
    { document: z.object({ text: z.string() }), from: [notes] },
    {
      create: {
        NoteWritten: ({ data }) => {
          if (data.text === "bad" && !takesBad) throw new Error("I cannot take bad");
          return { text: data.text };
        },
      },
      on: {},
    },
  );
const calm = text("calm", true);

const serviceOf = (strict: ReturnType<typeof text>) =>
  service({
    name: "notes",
    aggregates: [notes],
    views: [strict, calm],
    http: http({ title: "Notes", routes: { "POST /notes": notes.commands.WriteNote, "GET /notes/{id}": get(calm, { as: "note" }) } }),
  });

test("one view stands still at the event that it cannot take, the others and the writes go on; mended, it goes on from there", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-failing-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const environment = { TIDEMARK_DATA: join(folder, "data"), PORT: "0" };
  const { promise: stoodStill, resolve: standsStill } = Promise.withResolvers<string>();
  const ignore = () => undefined;
  const logger: Logger = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (message) => message.includes("stands still") && standsStill(message),
  };

  const strict = text("strict", false);
  const app = await serviceOf(strict).start({ environment, logger });
  const good = await app.execute(notes.commands.WriteNote("n-1", { text: "good" }));
  assert.ok(good.accepted);
  assert.equal((await app.read(strict, { token: good.token }).get("n-1"))?.document.text, "good");
  const bad = await app.execute(notes.commands.WriteNote("n-2", { text: "bad" }));
  const after = await app.execute(notes.commands.WriteNote("n-3", { text: "after" }));
  assert.ok(bad.accepted && after.accepted);

  assert.match(await stoodStill, /view 'strict' .* partition 0 stands still/);
  assert.equal((await app.read(calm, { token: after.token }).get("n-3"))?.document.text, "after");
  await assert.rejects(app.read(strict, { token: after.token, waitMs: 0 }).get("n-3"), { code: "READ_MODEL_BEHIND" });

  const readyz = await fetch(`${app.url}/readyz`);
  assert.equal(readyz.status, 503);
  const { checks } = (await readyz.json()) as { checks: { name: string; status: string; message: string }[] };
  assert.deepEqual(
    checks.filter((check) => check.status !== "pass").map((check) => check.name),
    ["view 'strict'"],
  );
  assert.match(checks.find((check) => check.name === "view 'strict'")!.message, /position 2: .*I cannot take bad/);
  const failures = (await app.status()).projections.flatMap((projection) =>
    projection.failures.map(({ position, problem }) => ({ view: projection.view, position, problem })),
  );
  assert.equal(failures.length, 1);
  assert.deepEqual([failures[0]?.view, failures[0]?.position], ["strict", 2]);
  await app.close();

  const repaired = text("strict", true);
  await using mended = await serviceOf(repaired).start({ environment, logger });
  const read = mended.read(repaired, { token: after.token });
  assert.equal((await read.get("n-2"))?.document.text, "bad");
  assert.equal((await read.get("n-3"))?.document.text, "after");
  assert.equal((await fetch(`${mended.url}/readyz`)).status, 200);
  assert.deepEqual(
    (await mended.status()).projections.flatMap((projection) => projection.failures),
    [],
  );
});
