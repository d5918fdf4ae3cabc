/** Processes on one write store, each with a read model embedded in its own folder: each feeds its own in full. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { aggregate, service, view } from "tidemark";
import { z } from "zod";
import { postgres } from "../services.ts";
import { silent } from "../write-side.ts";

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
const texts = view(
  "texts",
  { document: z.object({ text: z.string() }), from: [notes] },
  { create: { NoteWritten: ({ data }) => ({ text: data.text }) }, on: {} },
);

test("two processes with embedded read models on one write store both read what either writes", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-stores-"));
  const created = await (await postgres()).createDatabase();
  const start = (name: string) =>
    service({ name: "notes", aggregates: [notes], views: [texts] }).start({
      environment: { DATABASE_URL: created.url, TIDEMARK_DATA: join(folder, name) },
      logger: silent,
    });
  const apps = await Promise.all(["a", "b"].map(start));
  t.after(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await created.drop();
    rmSync(folder, { recursive: true, force: true });
  });
  for (const [i, writer] of apps.entries()) {
    const outcome = await writer.execute(notes.commands.WriteNote(`n-${i}`, { text: `by ${i}` }));
    assert.ok(outcome.accepted);
    for (const reader of apps)
      assert.equal((await reader.read(texts, { token: outcome.token, waitMs: 20_000 }).get(`n-${i}`))?.document.text, `by ${i}`);
  }
});
