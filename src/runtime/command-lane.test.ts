import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job } from "./command-job.ts";
import { commandLane } from "./command-lane.ts";

const job = (id: string, reject: (error: unknown) => void = () => undefined) => ({ id, reject }) as Job;

test("commands of one turn go together, what waits meanwhile goes with the next, what comes back goes first", async () => {
  const batches: string[][] = [];
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const lane = commandLane(3, async (jobs) => {
    batches.push(jobs.map((j) => j.id));
    if (batches.length > 1) return [];
    await gate;
    return [jobs[1]!];
  });
  lane.push(job("a"));
  lane.push(job("b"));
  await null;
  await null;
  for (const id of ["c", "d", "e"]) lane.push(job(id));
  open();
  await lane.idle();
  assert.deepEqual(batches, [["a", "b"], ["b", "c", "d"], ["e"]]);
});

test("a fault leaves nobody waiting, and the lane goes on", async () => {
  const boom = new Error("boom");
  const errors: unknown[] = [];
  let calls = 0;
  const lane = commandLane(10, async () => {
    calls += 1;
    if (calls === 1) throw boom;
    return [];
  });
  lane.push(job("a", (error) => errors.push(error)));
  await lane.idle();
  lane.push(job("b"));
  await lane.idle();
  assert.deepEqual([errors, calls], [[boom], 2]);
});
