import assert from "node:assert/strict";
import { test } from "node:test";
import type { Case, Contender } from "../benchmark.ts";
import { judge } from "./judge.ts";
import { goalText } from "./report.ts";
import { runCase } from "./run-case.ts";
import type { Servers } from "./servers.ts";

/** No server takes part here. */
function noServers(log: string[] = []): Servers {
  const none = () => Promise.reject(new Error("no server in this test"));
  return {
    postgres: none,
    kafka: none,
    pids: () => ({ postgres: [], kafka: [] }),
    settle: async () => void log.push("settle"),
    stop: async () => {},
  };
}
const settings = { quick: true, large: false, rounds: 3, say: () => {} };

/** Gives these figures, one a round; the first is that of the warm-up. */
function gives(name: string, values: readonly number[], log: string[] = []): Contender {
  return {
    name,
    async run({ round, measured }) {
      log.push(`${name}${round}`);
      const { value } = await measured(async () => values[round]!);
      return { figures: { "calls/s": value }, operations: 10 };
    },
  };
}

test("contenders alternate, each after the servers have settled, and the first round is thrown away", async () => {
  const log: string[] = [];
  const each: Case = { name: "c", contenders: [gives("a", [1000, 20, 30, 40], log), gives("b", [1000, 10, 10, 10], log)], against: "b" };
  const judged = judge(await runCase(each, noServers(log), settings));
  assert.deepEqual(
    log,
    ["a0", "b0", "a1", "b1", "a2", "b2", "a3", "b3"].flatMap((run) => ["settle", run]),
  );
  assert.deepEqual(judged.contenders[0]!.figures, { "calls/s": { median: 30, min: 20, max: 40 } });
  assert.deepEqual(judged.contenders[0]!.ratios, { "calls/s": { median: 3, min: 2, max: 4 } });
});

test("a goal is met from its limit on, in proportion or by itself", async () => {
  const contenders = [gives("a", [0, 20, 30, 40]), gives("b", [0, 10, 10, 10])];
  const goals = [
    { row: "r1", of: "a", against: "b", atLeast: 3 },
    { row: "r2", of: "a", against: "b", atLeast: 3.1 },
    { row: "r3", of: "a", atMost: 30 },
    { row: "r4", of: "a", atMost: 29 },
  ];
  const judged = judge(await runCase({ name: "c", contenders, goals }, noServers(), settings));
  assert.deepEqual(
    judged.goals.map(({ row, value, met }) => [row, value, met]),
    [
      ["r1", 3, true],
      ["r2", 3, false],
      ["r3", 30, true],
      ["r4", 30, false],
    ],
  );
  assert.equal(goalText(judged.goals[1]!), "NOT MET r2: a / b, calls/s: 3 (goal >= 3.1)");
});

test("a wrong run fails the case under its contender's name, and what was prepared is undone", async () => {
  const log: string[] = [];
  const wrong: Contender = {
    name: "b",
    async run({ round, measured }) {
      await measured(async () => {});
      if (round === 2) throw new Error("1 of 10 events are missing");
      return { figures: { "calls/s": 1 } };
    },
  };
  const each: Case = {
    name: "c",
    contenders: [gives("a", [1, 1, 1, 1], log), wrong],
    prepare: async () => async () => void log.push("undone"),
  };
  await assert.rejects(runCase(each, noServers(), settings), /^Error: b: 1 of 10 events are missing$/);
  assert.deepEqual(log, ["a0", "a1", "a2", "undone"]);
});

test("a run that measures nothing, or gives no number, is a wrong one", async () => {
  const idle: Contender = { name: "a", run: async () => ({ figures: { "calls/s": 1 } }) };
  await assert.rejects(runCase({ name: "c", contenders: [idle] }, noServers(), settings), /measured nothing/);
  await assert.rejects(runCase({ name: "c", contenders: [gives("a", [Number.NaN])] }, noServers(), settings), /'calls\/s' is NaN/);
});

test("a goal or a proportion of a contender that is not there is refused before anything runs", async () => {
  const contenders = [gives("a", [1, 1, 1, 1])];
  await assert.rejects(runCase({ name: "c", contenders, against: "b" }, noServers(), settings), /no contender 'b'/);
  await assert.rejects(
    runCase({ name: "c", contenders, goals: [{ row: "r", of: "x", atLeast: 1 }] }, noServers(), settings),
    /no contender 'x'/,
  );
});

test("CPU time is told for each operation, and is unknown where there is no /proc", async () => {
  const burn: Contender = {
    name: "a",
    async run({ measured }) {
      await measured(async () => {
        const until = process.cpuUsage().user + 20_000;
        while (process.cpuUsage().user < until);
      });
      return { figures: { "calls/s": 1 }, operations: 10 };
    },
  };
  const [contender] = judge(await runCase({ name: "c", contenders: [burn] }, noServers(), settings)).contenders;
  assert.ok(contender!.cpuMicros!.self >= 2_000, `${contender!.cpuMicros!.self} us each`);
  if (process.platform === "linux") assert.equal(contender!.cpuShare!.self, 1);
  else assert.equal(contender!.cpuShare, undefined);
});
