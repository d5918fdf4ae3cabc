import assert from "node:assert/strict";
import { test } from "node:test";
import { setting } from "../../test/query-setting.ts";
import { productStats as view } from "../../test/view-domain.ts";
import { viewMonitor } from "./view-monitor.ts";

test("one look at the store at a time, so no older one ends last", async (t) => {
  const { store, faults } = await setting(t);
  const monitor = viewMonitor(view, store, new Map());
  let underWay = 0;
  const most: number[] = [];
  const held = faults.hold("status");
  faults.before("status", () => void most.push(++underWay));
  faults.after("status", () => void (underWay -= 1));
  const first = monitor.refresh();
  await held.reached;
  const second = monitor.refresh();
  // asks between the end of the first look and the beginning of the second
  const third = first.then(() => monitor.refresh());
  held.release();
  await Promise.all([first, second, third]);
  assert.deepEqual(most, [1, 1]);
});
