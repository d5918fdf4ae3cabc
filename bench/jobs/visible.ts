/**
 * Roles of a service in one process: commands with their relay, projection, query. Where it has the commands it also drives the load:
 * each order is created and at once asked for with its token, in this process or by a socket in the one that has the queries.
 */
import { percentile } from "../harness/statistics.ts";
import { closedLoop } from "../load/closed-loop.ts";
import { openLoop } from "../load/open-loop.ts";
import { orderCommands } from "../load/order-commands.ts";
import { type AskForOrder, askBySocket, commandSide, projectionSide, queryHere, serveQueries } from "../setup/visible-roles.ts";
import type { Job } from "./job.ts";

export type VisibleRole = "command" | "projection" | "query";

export interface VisibleArgs {
  readonly roles: readonly VisibleRole[];
  readonly url: string;
  readonly readUrl: string;
  readonly brokers: string;
  readonly prefix: string;
  /** Of the process that has the queries, for one that has the commands alone. */
  readonly queryPort?: number;
  readonly load: VisibleLoad;
}

export interface VisibleLoad {
  readonly form: "one at a time" | "half";
  readonly orders: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface VisibleResult {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly reads: number;
  readonly readsPerSecond: number;
  /** With those of the warm-up. */
  readonly created: number;
}

const callers = 64;

const job: Job<VisibleArgs, VisibleResult | null> = async (args, tell) => {
  const closes: (() => Promise<void>)[] = [];
  if (args.roles.includes("projection")) closes.push(await projectionSide(args));
  let ask: AskForOrder | undefined;
  if (args.roles.includes("query")) {
    const queries = await queryHere(args.readUrl);
    closes.push(queries.close);
    ask = queries.ask;
    if (!args.roles.includes("command")) {
      const server = await serveQueries(queries.ask);
      closes.push(server.close);
      tell({ port: server.port });
    }
  } else if (args.queryPort !== undefined) {
    const socket = await askBySocket(args.queryPort);
    closes.push(socket.close);
    ask = socket.ask;
  }
  const close = async () => {
    for (const each of closes.toReversed()) await each();
  };
  if (!args.roles.includes("command")) return { go: () => Promise.resolve(null), close };

  const commands = await commandSide(args);
  closes.push(commands.close);
  let created = 0;
  let latenciesMs: number[] = [];
  const one = async () => {
    const { stream, command } = orderCommands(created++)[0]!;
    const made = await commands.execute(command);
    if (!made.accepted) throw new Error(made.detail);
    const committedAt = process.hrtime.bigint();
    const seenAt = await ask!(stream, made.token);
    latenciesMs.push(Number(seenAt - committedAt) / 1e6);
    return 1;
  };
  const { form, orders: count, seconds, warmUpSeconds } = args.load;
  await closedLoop(callers, warmUpSeconds, one);
  const highest = form === "half" ? await closedLoop(callers, seconds / 2, one) : undefined;
  if (highest === undefined) for (let i = 0; i < 50; i += 1) await one();
  return {
    async go() {
      latenciesMs = [];
      const startedAt = performance.now();
      if (highest === undefined) for (let i = 0; i < count; i += 1) await one();
      else await openLoop(highest.calls / highest.seconds / 2, seconds, one);
      const took = (performance.now() - startedAt) / 1_000;
      const reads = latenciesMs.length;
      return { p50Ms: percentile(latenciesMs, 0.5), p99Ms: percentile(latenciesMs, 0.99), reads, readsPerSecond: reads / took, created };
    },
    close,
  };
};
export default job;
