/** The load generator: connections that each make the next request when the last one is answered. Every answer is looked at. */
import { percentile } from "../harness/statistics.ts";
import { closedLoop } from "../load/closed-loop.ts";
import { getRequest, httpSocket, postRequest } from "../load/http-socket.ts";
import { orderCommands } from "../load/order-commands.ts";
import { orderKey } from "../workload/orders.ts";
import type { Job } from "./job.ts";

export interface HttpLoadArgs {
  readonly port: number;
  readonly connections: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly what: "create" | "get";
  /** "get": orders of these numbers are there, from 0. */
  readonly orders: number;
}

export interface HttpLoadResult {
  readonly answers: number;
  /** Of the warm-up too. */
  readonly allAnswers: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** So many different requests are made beforehand. */
const prepared = 2_000;

const job: Job<HttpLoadArgs, HttpLoadResult> = async ({ port, connections, warmUpSeconds, seconds, what, orders }) => {
  const requests = Array.from({ length: what === "get" ? Math.min(prepared, orders) : prepared }, (_, n) =>
    what === "get"
      ? { request: getRequest(`/orders/${orderKey(n)}`), status: 200, has: orderKey(n) }
      : { request: postRequest("/orders", JSON.stringify(orderCommands(n)[0]!.command.data)), status: 202, has: '"version":1' },
  );
  const sockets = await Promise.all(Array.from({ length: connections }, () => httpSocket(port)));
  let next = 0;
  let allAnswers = 0;
  const one = async (caller: number) => {
    const { request, status, has } = requests[next++ % requests.length]!;
    const answer = await sockets[caller]!.ask(request);
    if (answer.status !== status || !answer.body.includes(has))
      throw new Error(`an answer of status ${answer.status}: ${answer.body.toString()}`);
    allAnswers += 1;
    return 1;
  };
  await closedLoop(connections, warmUpSeconds, one);
  return {
    async go() {
      const { calls, seconds: took, latenciesMs } = await closedLoop(connections, seconds, one);
      return { answers: calls, allAnswers, seconds: took, p50Ms: percentile(latenciesMs, 0.5), p99Ms: percentile(latenciesMs, 0.99) };
    },
    close() {
      for (const socket of sockets) socket.close();
      return Promise.resolve();
    },
  };
};
export default job;
