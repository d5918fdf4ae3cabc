/** Requests/s of the orders service on PostgreSQL, beside bare Fastify with the same routes and schemas and no store. */
import pg from "pg";
import type { Benchmark, Case, Contender, Run, RunContext } from "../benchmark.ts";
import type { HttpLoadArgs, HttpLoadResult } from "../jobs/http-load.ts";
import { type RunningJob, startJob } from "../jobs/job.ts";
import type { Listening, ServiceArgs } from "../jobs/orders-service.ts";
import { fillWriteStore, writeSchema } from "../workload/write-store.ts";

const connections = { few: 64, many: 256 } as const;
/** Orders that can be asked for. */
const orders = 2_000;
const bare = "bare Fastify";

export default {
  name: "http",
  quickSeconds: 33,
  title:
    "requests/s over connections that each make one request at a time; POST against a process with the role command, GET against one with the role query, as in production; the load generator is a process of its own",
  cases: ({ quick }) =>
    (quick ? [connections.few] : [connections.few, connections.many]).flatMap((callers) => [
      route("POST /orders", callers, "create", ["command role", "command"]),
      route("GET /orders/{id}", callers, "get", ["query role", "query"]),
    ]),
} satisfies Benchmark;

function route(row: string, callers: number, what: HttpLoadArgs["what"], [split, role]: readonly [string, string]): Case {
  const whole: Contender = {
    name: "all roles in one process",
    run: (context) => serviceRun(context, callers, what, "command,relay,projection,query"),
  };
  return {
    name: `${row}, ${callers} connections`,
    against: bare,
    // each contender is in processes of its own, and warms up in each run
    warmUp: false,
    contenders: [
      { name: split, run: (context) => serviceRun(context, callers, what, role) },
      // it does more than answer: relay and projections run in the same process
      ...(callers === connections.few ? [whole] : []),
      { name: bare, run: (context) => bareRun(context, callers, what) },
    ] satisfies Contender[],
    goals: [{ row, of: split, against: bare, atLeast: 0.5 }],
  };
}

async function serviceRun(context: RunContext, callers: number, what: HttpLoadArgs["what"], roles: string): Promise<Run> {
  const [write, read] = [await context.database(), await context.database()];
  const environment = { DATABASE_URL: write.url, READ_DATABASE_URL: read.url, TIDEMARK_PARTITIONS: "6" };
  await fillWriteStore(write.url, what === "get" ? orders * 5 : 0);
  if (what === "get") await fillViews({ environment });
  const args: ServiceArgs = { environment: { ...environment, TIDEMARK_ROLES: roles } };
  return serve(context, callers, what, args, async ({ allAnswers }) => {
    if (what === "create") await checkOrders(write.url, allAnswers);
  });
}

/** By the whole service, which then ends: so that a process with the query role alone finds what projections made. */
async function fillViews(args: ServiceArgs): Promise<void> {
  const service = await startJob("orders-service", args);
  await service.go();
  await service.close();
}

async function serve(
  context: RunContext,
  callers: number,
  what: HttpLoadArgs["what"],
  args: ServiceArgs,
  check: (result: HttpLoadResult) => Promise<void>,
): Promise<Run> {
  const server = await listening("orders-service", args);
  context.child(server.job.pid);
  const run = await load(context, callers, what, server.port);
  await check(run.result);
  await server.job.close();
  return run.run;
}

async function bareRun(context: RunContext, callers: number, what: HttpLoadArgs["what"]): Promise<Run> {
  const server = await listening("bare-fastify", {});
  context.child(server.job.pid);
  const { run } = await load(context, callers, what, server.port);
  await server.job.close();
  return run;
}

async function listening(name: string, args: unknown): Promise<{ readonly job: RunningJob<null>; readonly port: number }> {
  const told = Promise.withResolvers<Listening>();
  const job = await startJob<null>(name, args, { onTold: (message) => told.resolve(message as Listening) });
  return { job, port: (await Promise.race([told.promise, job.failed])).port };
}

async function load(
  context: RunContext,
  callers: number,
  what: HttpLoadArgs["what"],
  port: number,
): Promise<{ run: Run; result: HttpLoadResult }> {
  // until then code is being compiled, of which a service has far more than a handler that does nothing
  const warmUpSeconds = context.quick ? 1 : 8;
  const args: HttpLoadArgs = { port, connections: callers, warmUpSeconds, seconds: context.seconds, what, orders };
  const generator = await startJob<HttpLoadResult>("http-load", args);
  context.child(generator.pid);
  const { value } = await context.measured(() => generator.go());
  await generator.close();
  const { answers, seconds, p50Ms, p99Ms } = value.value;
  return {
    result: value.value,
    run: {
      figures: { "requests/s": answers / seconds, "p50 ms": p50Ms, "p99 ms": p99Ms, "load generator, cores": value.cpuSeconds / seconds },
      operations: answers,
    },
  };
}

/** As many orders as answers, each with its head's position. */
async function checkOrders(url: string, answers: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ created: string; heads: string }>(
    `select (select count(*) from ${writeSchema}.events where log = 'orders' and type = 'OrderCreated') as created,
            (select sum(position) from ${writeSchema}.heads where log = 'orders') as heads`,
  );
  await client.end();
  const { created, heads } = rows[0]!;
  if (Number(created) !== answers || Number(heads) !== answers)
    throw new Error(`${answers} orders were answered, ${created} are stored, the heads add up to ${heads}`);
}
