/**
 * A whole service in this process: the real command handling, projections, queries and HTTP routes, on stores in memory.
 * Nothing to install, no socket, no settings. It does not show what only real stores and a broker show: locks, crashes, several processes.
 */
import { type AnyAggregate, type AnyView, type Execute, mergeParts, type ReadView, type TokenPart } from "../core/index.ts";
import { isTidemarkError } from "../errors.ts";
import type { HttpServer } from "../http/index.ts";
import { memoryEventStore, memoryViewStore, readDatabase, writeDatabase } from "../memory/index.ts";
import type { ExecuteOptions } from "../runtime/app.ts";
import { type CommandHandler, commandHandler } from "../runtime/command-handler.ts";
import { endsRecorder } from "../runtime/ends-recorder.ts";
import { eventsTransport } from "../runtime/events-transport.ts";
import type { Clock, EventStore, LogIdentity, Logger, Transport, ViewStore } from "../runtime/ports.ts";
import { type QuerySide, querySide } from "../runtime/queries.ts";
import { type ViewWorker, viewWorker } from "../runtime/view-worker.ts";
import { executeOn, readOn } from "../service/facade.ts";
import { health } from "../service/health.ts";
import { type Opened, opened } from "../service/opened.ts";
import type { Service } from "../service/service.ts";
import { appendGiven } from "./given-events.ts";
import type { StreamHistory } from "./history.ts";
import { ask, type TestAnswer, type TestRequest } from "./test-request.ts";

export interface TestAppOptions {
  /** What happened before. Every view shows it when the app is there. */
  readonly given?: readonly StreamHistory[];
  /** Gives the time of what commands decide; the system's unless given. */
  readonly clock?: Clock;
}

export interface TestApp extends AsyncDisposable {
  readonly execute: Execute<ExecuteOptions>;
  readonly read: ReadView;
  /** @param request method and path, such as "GET /orders?status=PAID" */
  request(request: string, options?: TestRequest): Promise<TestAnswer>;
  /** What was logged as a warning or an error so far, a line each. */
  readonly problems: readonly string[];
  close(): Promise<void>;
}

/** @throws Error for given events that are no history of this service, or that a view of it cannot apply */
export async function testApp(service: Service, { given = [], clock }: TestAppOptions = {}): Promise<TestApp> {
  const { name, aggregates, views, http } = service.options;
  requireOwn(name, aggregates, given);
  const open = opened();
  try {
    const problems: string[] = [];
    const logger = problemLogger(problems);

    const { store, identities } = await openWriteSide(aggregates, open);
    const givenParts = mergeParts(await appendGiven(store, identities, given));

    const transport = await eventsTransport(store, identities);
    open.add(() => transport.close());
    const viewStore = await openViewStore(service, open);
    const workers = views.map((view) => viewWorker({ view, store: viewStore, transport, group: view.name, logger }));
    open.add(() => Promise.all(workers.map((worker) => worker.stop())));
    await Promise.all(workers.map((worker) => worker.started));
    await recordEnds(service, transport, viewStore, logger, open);

    const ownEnds = new Map<string, number[]>(aggregates.map((aggregate) => [aggregate.name, []]));
    const queries = await querySide({ stores: new Map(views.map((view) => [view, viewStore])), ownEnds });
    open.add(() => queries.close());
    await untilShown(service, queries, workers, givenParts);
    const commands = commandHandler({
      store,
      aggregates,
      identities,
      logger,
      ...(clock === undefined ? {} : { clock }),
      onAppended(log, partition, position) {
        const ends = ownEnds.get(log)!;
        ends[partition] = Math.max(ends[partition] ?? 0, position);
      },
    });
    open.add(() => commands.close());
    const server = http === undefined ? undefined : await openServer(service, { commands, queries, viewStore, workers, logger }, open);

    let closing: Promise<void> | undefined;
    const close = () => (closing ??= open.close());
    return {
      execute: executeOn(commands),
      read: readOn(queries),
      request(request, options) {
        if (server === undefined) return Promise.reject(new Error(`Service '${name}' has no HTTP API.`));
        return ask(server, request, options);
      },
      problems,
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await open.close();
    throw error;
  }
}

function requireOwn(name: string, aggregates: readonly AnyAggregate[], given: readonly StreamHistory[]): void {
  const foreign = given.find(({ aggregate }) => !aggregates.includes(aggregate));
  if (foreign !== undefined)
    throw new Error(`'${foreign.log}' is no aggregate of service '${name}'; it has ${aggregates.map((each) => each.name).join(", ")}.`);
}

async function openWriteSide(aggregates: readonly AnyAggregate[], open: Opened) {
  const store = memoryEventStore(writeDatabase());
  open.add(() => store.close());
  const opened = await store.openLogs(
    aggregates.map((aggregate) => aggregate.name),
    undefined,
  );
  return { store: store as EventStore, identities: new Map(opened.map((identity): [string, LogIdentity] => [identity.log, identity])) };
}

async function openViewStore({ options: { views } }: Service, open: Opened): Promise<ViewStore> {
  const store = memoryViewStore(readDatabase());
  open.add(() => store.close());
  await store.migrate({ ddl: true });
  for (const view of views) store.accept(view);
  return store;
}

/** Once before the first answer, so that no answer is called stale for want of it; then as in production. */
async function recordEnds({ options: { views } }: Service, transport: Transport, store: ViewStore, logger: Logger, open: Opened) {
  const logs = [...new Set(views.flatMap((view) => view.logs))];
  const ends = await Promise.all(
    logs.map(async (log) => (await transport.ends(log)).map((position, partition) => ({ log, partition, position }))),
  );
  await store.recordEnds(ends.flat(), views);
  const recorder = endsRecorder({ transport, store, views, logger });
  open.add(() => recorder.stop());
}

/** Between two looks at whether a view stands still. */
const lookMs = 100;
const givenWithinMs = 10_000;

/** Waits until every view shows what was given. */
async function untilShown(
  { options: { views } }: Service,
  queries: QuerySide,
  workers: readonly ViewWorker[],
  parts: readonly TokenPart[],
) {
  const deadline = performance.now() + givenWithinMs;
  const shown = async (view: AnyView, token: readonly TokenPart[]): Promise<void> => {
    try {
      await queries.get(view, "-", { token, waitMs: lookMs });
    } catch (cause) {
      if (!isTidemarkError(cause, "READ_MODEL_BEHIND")) throw cause;
      const failures = workers.flatMap((worker) => worker.failures().map(({ problem }) => `view '${worker.view.name}': ${problem}`));
      if (failures.length > 0) throw new Error(`What was given cannot be shown: ${failures.join("; ")}`, { cause });
      if (performance.now() > deadline) throw cause;
      await shown(view, token);
    }
  };
  // a log at a time: a token has room for few parts
  const reads = views.flatMap((view) => view.logs.map((log) => ({ view, token: parts.filter((part) => part.log === log) })));
  await Promise.all(reads.map(({ view, token }) => shown(view, token)));
}

interface ServerParts {
  readonly commands: CommandHandler;
  readonly queries: QuerySide;
  readonly viewStore: ViewStore;
  readonly workers: readonly ViewWorker[];
  readonly logger: Logger;
}

async function openServer(
  { options: { http, views } }: Service,
  { commands, queries, viewStore, workers, logger }: ServerParts,
  open: Opened,
): Promise<HttpServer> {
  // at load, it would cost the specs of aggregates and views its time
  const { httpServer } = await import("../http/index.ts");
  const server = httpServer(http!, {
    commands,
    queries,
    health: health({ viewStore: () => viewStore.status(views), relays: [], workers }),
    roles: ["command", "query"],
    logger,
  });
  open.add(() => server.close());
  return server;
}

function problemLogger(problems: string[]): Logger {
  const keep = (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
    const more = Object.entries(fields).map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
    problems.push([message, ...more].join("; "));
  };
  const skip = () => {
    // what went well is not told by a test
  };
  return { debug: skip, info: skip, warn: keep, error: keep };
}
