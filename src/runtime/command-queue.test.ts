import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Job } from "./command-job.ts";
import { commandQueue } from "./command-queue.ts";

const job = (id: string, lane = 0, reject: (error: unknown) => void = () => undefined) => ({ id, lane, reject }) as Job;

/** Calls that end when told. */
function calls(lanes: number, limits: { maxBatch?: number; joinUpTo?: number; halveUpTo?: number } = {}) {
  const open: { readonly call: string; end(again?: readonly Job[]): void }[] = [];
  const queue = commandQueue({
    lanes,
    maxBatch: limits.maxBatch ?? 100,
    joinUpTo: limits.joinUpTo ?? 4,
    halveUpTo: limits.halveUpTo ?? 4,
    handle: (lane, jobs) =>
      new Promise((resolve) => {
        open.push({ call: `${lane}:${jobs.map((j) => j.id).join("")}`, end: (again = []) => resolve(again) });
      }),
  });
  const turn = () => new Promise(setImmediate);
  return { open, queue, turn, push: (jobs: readonly Job[]) => jobs.forEach((j) => queue.push(j)), seen: () => open.map((o) => o.call) };
}

test("commands of one turn go together, what waits meanwhile goes with the next, what comes back goes first", async () => {
  const { open, push, turn, seen, queue } = calls(1, { maxBatch: 3 });
  const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map((id) => job(id)) as [Job, Job, Job, Job, Job];
  push([a, b]);
  await turn();
  push([c, d, e]);
  await turn();
  assert.deepEqual(seen(), ["0:ab"]);
  open[0]!.end([b]);
  await turn();
  open[1]!.end();
  await turn();
  const idle = queue.idle();
  open[2]!.end();
  await idle;
  assert.deepEqual(seen(), ["0:ab", "0:bcd", "0:e"]);
});

test("few commands share a call, many go by lane and their calls overlap; when few are left they share again", async () => {
  const { open, push, turn, seen, queue } = calls(2);
  push([job("a", 0), job("b", 1)]);
  await turn();
  push([job("c", 0), job("d", 1), job("e", 1), job("f", 0), job("g", 1)]);
  await turn();
  assert.deepEqual(seen(), ["0:ab"]);
  open[0]!.end();
  await turn();
  assert.deepEqual(seen().slice(1), ["0:cf", "1:deg"]);
  push([job("h", 0)]);
  open[1]!.end();
  await turn();
  assert.deepEqual(seen().slice(3), ["0:h"], "a lane does not wait for the other while many are under way");
  open[3]!.end();
  open[2]!.end();
  await turn();
  push([job("i", 1), job("j", 0)]);
  await turn();
  assert.deepEqual(seen().slice(4), ["0:ji"]);
  const idle = queue.idle();
  open[4]!.end();
  await idle;
});

test("a lane that runs alone does not keep few others from the next call", async () => {
  const { open, push, turn, seen } = calls(2);
  push(["a", "b", "c", "d", "e"].map((id) => job(id, 0)));
  push([job("x", 1)]);
  await turn();
  assert.deepEqual(seen(), ["0:abcde", "1:x"]);
  open[0]!.end();
  await turn();
  push([job("f", 0)]);
  await turn();
  assert.equal(seen().length, 2, "the other lane's call runs out first");
  open[1]!.end();
  await turn();
  assert.deepEqual(seen()[2], "0:f");
});

test("a fault leaves nobody waiting, and the queue goes on", async () => {
  const boom = new Error("boom");
  const errors: unknown[] = [];
  let handled = 0;
  const queue = commandQueue({
    lanes: 1,
    maxBatch: 10,
    joinUpTo: 10,
    halveUpTo: 10,
    handle: async () => {
      handled += 1;
      if (handled === 1) throw boom;
      return [];
    },
  });
  queue.push(job("a", 0, (error) => errors.push(error)));
  await queue.idle();
  queue.push(job("b"));
  await queue.idle();
  assert.deepEqual([errors, handled], [[boom], 2]);
});

test("more than few commands go in two calls, one for each half of the lanes; many in a call of each lane", async () => {
  const { open, push, turn, seen, queue } = calls(4, { halveUpTo: 8 });
  push(["a", "b", "c", "d", "e"].map((id, i) => job(id, i % 4)));
  await turn();
  assert.deepEqual(seen(), ["0:aec", "1:bd"], "lanes 0 and 2, lanes 1 and 3");
  push([job("f", 2), job("g", 1)]);
  await turn();
  assert.equal(seen().length, 2, "both halves are in flight");
  open[1]!.end();
  await turn();
  assert.deepEqual(seen().slice(2), ["1:g"], "one half goes on without the other");
  push([job("h", 0), job("i", 1)]);
  open[0]!.end();
  await turn();
  assert.deepEqual(seen().slice(3), ["0:hf"]);
  push(["l", "m", "n", "o", "p", "q", "r", "s"].map((id, i) => job(id, i % 4)));
  open[2]!.end();
  open[3]!.end();
  await turn();
  assert.deepEqual(seen().slice(4), ["0:lp", "1:imq", "2:nr", "3:os"], "nine: a call of each lane");
  const idle = queue.idle();
  for (const { end } of open.slice(4)) end();
  await idle;
});

test("whatever comes and ends when: no lane is in two calls in flight, each lane keeps its order, nobody is forgotten", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.oneof(fc.record({ push: fc.array(fc.nat(4), { maxLength: 12 }) }), fc.record({ end: fc.nat(4), back: fc.nat(3) })), {
        maxLength: 40,
      }),
      async (lanes, steps) => {
        const open: { readonly jobs: readonly Job[]; end(again: readonly Job[]): void }[] = [];
        const order = Array.from({ length: lanes }, () => [] as string[]);
        const done = Array.from({ length: lanes }, () => [] as string[]);
        const queue = commandQueue({
          lanes,
          maxBatch: 6,
          joinUpTo: 3,
          halveUpTo: 8,
          handle: (lane, jobs) => {
            assert.ok(jobs.length > 0 && jobs.length <= 6);
            const inFlight = new Set(open.flatMap((call) => call.jobs.map((each) => each.lane)));
            for (const each of jobs) assert.ok(!inFlight.has(each.lane), `lane ${each.lane} twice`);
            return new Promise((resolve) => {
              const call = {
                jobs,
                end(again: readonly Job[]) {
                  open.splice(open.indexOf(call), 1);
                  for (const each of jobs) if (!again.includes(each)) done[each.lane]!.push(each.id);
                  resolve(again);
                },
              };
              open.push(call);
              assert.ok(lane < lanes);
            });
          },
        });
        let n = 0;
        for (const step of steps) {
          if ("push" in step) {
            for (const pick of step.push) {
              const lane = pick % lanes;
              const id = `${n++}`;
              order[lane]!.push(id);
              queue.push(job(id, lane));
            }
          } else if (open.length > 0) {
            const call = open[step.end % open.length]!;
            call.end(call.jobs.slice(call.jobs.length - Math.min(step.back, call.jobs.length)));
          }
          await new Promise(setImmediate);
        }
        const idle = queue.idle();
        while (open.length > 0) {
          open[0]!.end([]);
          await new Promise(setImmediate);
        }
        await idle;
        assert.deepEqual(done, order);
      },
    ),
    { numRuns: 60 },
  );
});
