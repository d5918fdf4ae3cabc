/** Appends on every lane of the write store, one call after the other, without the command handler: calls of a fixed number of commands that create streams. */
import { randomUUID } from "node:crypto";
import { partitionOf } from "../../src/core/index.ts";
import { eventStore, openDatabase } from "../../src/postgres/index.ts";
import type { AppendCommand } from "../../src/runtime/ports.ts";
import { closedLoop } from "../load/closed-loop.ts";
import { orderEvent, orderOf } from "../workload/orders.ts";
import { writeSchema } from "../workload/write-store.ts";
import type { Job } from "./job.ts";

export interface AppendLanesArgs {
  readonly url: string;
  readonly lanes: number;
  readonly partitions: number;
  readonly commandsPerCall: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface AppendLanesResult {
  /** The section's, and before it. */
  readonly calls: number;
  readonly warmUpCalls: number;
  readonly seconds: number;
}

const log = "orders";

const job: Job<AppendLanesArgs, AppendLanesResult> = async ({ url, lanes, partitions, commandsPerCall, warmUpSeconds, seconds }) => {
  const database = await openDatabase({ url }, { schema: writeSchema });
  const store = eventStore(database, { lanes });
  const data = JSON.stringify(orderEvent(orderOf(1), 2).data);
  const commandOf = (lane: number): AppendCommand => {
    for (;;) {
      const stream = randomUUID();
      const partition = partitionOf(stream, partitions);
      if (store.laneOf(log, partition) !== lane) continue;
      const id = randomUUID();
      const metadata = JSON.stringify({ time: new Date().toISOString(), commandId: id, correlationId: id, causationId: id });
      return {
        id,
        fingerprint: id,
        log,
        partition,
        stream,
        baseVersion: 0,
        expectedVersion: 0,
        ifMatch: false,
        kind: "events",
        answer: '{"version":1}',
        events: [{ id: randomUUID(), type: "OrderCreated", schemaVersion: 1, data, metadata }],
      };
    }
  };
  const call = async (lane: number) => {
    const outcomes = await store.append(
      lane,
      Array.from({ length: commandsPerCall }, () => commandOf(lane)),
    );
    const lost = outcomes.find(({ status }) => status !== "appended");
    if (lost !== undefined) throw new Error(`an append was answered '${lost.status}'`);
    return 1;
  };
  const warmUp = await closedLoop(lanes, warmUpSeconds, call);
  return {
    async go() {
      const { calls, seconds: took } = await closedLoop(lanes, seconds, call);
      return { calls, warmUpCalls: warmUp.calls, seconds: took };
    },
    async close() {
      await store.close();
      await database.close();
    },
  };
};
export default job;
