import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { clusterOf } from "../../regression/cluster.ts";
import { embeddedProgram } from "../../regression/embedded.ts";
import type { Program } from "../../regression/program.ts";
import { programOf } from "../../regression/program.ts";
import { freePort } from "../../scripts/services/free-port.ts";
import { kafka, postgres, uniqueName } from "../services.ts";
import { hundredClients } from "./hundred-clients.ts";

/** A folder that goes after the processes of the test have ended. */
function scratch(t: TestContext, ended: () => Promise<unknown>): string {
  const dir = mkdtempSync(join(tmpdir(), "tidemark-system-"));
  t.after(async () => {
    await ended();
    rmSync(dir, { recursive: true, force: true });
  });
  return dir;
}

const alone = (program: Program) => {
  const endpoints = [{ process: program.name, url: program.url }];
  return { commands: endpoints, queries: endpoints };
};

test("100 clients read their own writes: embedded", async (t) => {
  const programs: Program[] = [];
  const dir = scratch(t, () => Promise.all(programs.map((p) => p.kill())));
  const program = await embeddedProgram(dir);
  programs.push(program);
  program.start();
  await program.ready();
  const { reads, wrong } = await hundredClients("emb", alone(program));
  assert.deepEqual([wrong, reads], [[], 900]);
});

test("100 clients read their own writes: all roles in one process, through Kafka", async (t) => {
  const programs: Program[] = [];
  const dir = scratch(t, () => Promise.all(programs.map((p) => p.kill())));
  const name = uniqueName(t);
  const server = await postgres();
  const [write, read] = [await server.createDatabase(`${name}_w`), await server.createDatabase(`${name}_r`)];
  const program = programOf({
    name: "all",
    port: await freePort(),
    dir,
    env: {
      DATABASE_URL: write.url,
      READ_DATABASE_URL: read.url,
      KAFKA_BROKERS: (await kafka()).brokers.join(","),
      TIDEMARK_PREFIX: `${name.slice(0, 14)}${name.slice(-10)}_`,
    },
  });
  programs.push(program);
  program.start();
  await program.ready(60_000);
  const { reads, wrong } = await hundredClients("one", alone(program));
  assert.deepEqual([wrong, reads], [[], 900]);
});

test("100 clients read their own writes: every role in processes of its own, through Kafka", async (t) => {
  const stops: (() => Promise<void>)[] = [];
  const dir = scratch(t, () => Promise.all(stops.map((stop) => stop())));
  const cluster = await clusterOf({ kafka: await kafka(), postgres: await postgres(), name: `split_${uniqueName(t).slice(-10)}`, dir });
  stops.push(() => cluster.stop());
  await cluster.start();
  const { reads, wrong } = await hundredClients("split", cluster.targets);
  assert.deepEqual([wrong, reads], [[], 900]);
});
