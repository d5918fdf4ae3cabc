import assert from "node:assert/strict";
import { basename } from "node:path";
import { test } from "node:test";
import { filesUnder, readText } from "../test/source-files.ts";
import type { Benchmark } from "./benchmark.ts";

const files = filesUnder(["bench/benchmarks"]);

test("there are benchmarks, and the README tells of each", () => {
  const told = [...readText("bench/README.md").matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name = ""]) => name);
  assert.deepEqual(told.toSorted(), files.map((file) => basename(file, ".ts")).toSorted());
});

test("what a quick run does adds up to four minutes, so that a machine with other work ends within five", async () => {
  const benchmarks = await Promise.all(
    files.map(async (file) => ((await import(`../${file}`)) as { readonly default: Benchmark }).default),
  );
  const seconds = benchmarks.reduce((sum, { quickSeconds = 0 }) => sum + quickSeconds, 0);
  assert.ok(seconds > 60 && seconds <= 240, `${seconds} s`);
});

for (const file of files)
  test(`${file}: its cases hold together, in each size`, async () => {
    const { default: benchmark } = (await import(`../${file}`)) as { readonly default: Benchmark };
    assert.equal(benchmark.name, basename(file, ".ts"));
    for (const [quick, large] of [
      [false, false],
      [true, false],
      [false, true],
    ] as const) {
      const cases = benchmark.cases({ quick, large });
      assert.ok(cases.length > 0);
      assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length);
      for (const { name, contenders, against, goals = [] } of cases) {
        const names = contenders.map((contender) => contender.name);
        assert.equal(new Set(names).size, names.length, name);
        for (const named of [against, ...goals.flatMap((goal) => [goal.of, goal.against])])
          assert.ok(named === undefined || names.includes(named), `${name}: ${named}`);
        for (const { row, atLeast, atMost } of goals) assert.ok(atLeast !== undefined || atMost !== undefined, `${name}: ${row}`);
      }
    }
  });
