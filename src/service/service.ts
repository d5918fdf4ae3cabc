/**
 * The composition root: from definitions and settings to a running process. Which parts are real and which embedded,
 * and which roles this process has, is decided here and nowhere else.
 */
import { randomUUID } from "node:crypto";
import type { AnyAggregate, AnyView, Execute, ReadView } from "../core/index.ts";
import { TidemarkError } from "../errors.ts";
import { type HttpApi, httpServer } from "../http/index.ts";
import type { ExecuteOptions } from "../runtime/app.ts";
import type { Authorize } from "../runtime/command-entries.ts";
import { endsRecorder } from "../runtime/ends-recorder.ts";
import type { Logger, ViewStore } from "../runtime/ports.ts";
import { type QuerySide, querySide } from "../runtime/queries.ts";
import type { RebuildProgress } from "../runtime/rebuild.ts";
import { type Relay, relay } from "../runtime/relay.ts";
import { type ViewWorker, viewWorker } from "../runtime/view-worker.ts";
import { openCommandParts } from "./command-parts.ts";
import { commandReports } from "./command-reports.ts";
import { serveControl } from "./control.ts";
import { executeOn, readOn } from "./facade.ts";
import { lockFolder } from "./folder-lock.ts";
import { health } from "./health.ts";
import { logger as makeLogger } from "./logger.ts";
import { type Opened, opened } from "./opened.ts";
import { openReadParts, type ReadParts, type ViewStores } from "./read-parts.ts";
import { rebuildSource, type RebuildSource, rebuildView } from "./rebuild-view.ts";
import { type Environment, isWhole, readSettings, type Role, type Settings, sharesDatabase } from "./settings.ts";
import { projectionReports, type StatusReport } from "./status.ts";
import { openTransport, type TransportParts } from "./transport-parts.ts";
import { maxEventBytes, openCommands, openEventStore, type WriteParts } from "./write-parts.ts";

export interface ServiceOptions {
  readonly name: string;
  readonly aggregates: readonly AnyAggregate[];
  /** Views that are only referred to need not be listed. */
  readonly views: readonly AnyView[];
  /** Where views are kept that are not kept in the read database, by name of the view, such as `{ order_details: mongodb() }`. */
  readonly viewStores?: ViewStores;
  readonly http?: HttpApi;
  /** Whether a command that came through its topic may be handled, by what its record says of the sender; all may unless given. Who may write to the topic is Kafka's to check. */
  readonly authorize?: Authorize;
}

export interface StartOptions {
  /** `process.env` unless given. */
  readonly environment?: Environment;
  readonly logger?: Logger;
}

export interface App extends AsyncDisposable {
  readonly name: string;
  readonly settings: Settings;
  /** Where HTTP answers; null without an api. */
  readonly url: string | null;
  /** @throws INVALID_SETTING where this process has not the role `command` */
  readonly execute: Execute<ExecuteOptions>;
  readonly read: ReadView;
  status(): Promise<StatusReport>;
  /** A new generation of the view, filled from what this process's projections read (or `from`), then switched to. */
  rebuild(
    view: string,
    options?: {
      readonly from?: RebuildSource | undefined;
      readonly signal?: AbortSignal;
      readonly onProgress?: (progress: RebuildProgress) => void;
    },
  ): Promise<{ readonly generation: number }>;
  /** What the benches and tests look at. */
  readonly queries: QuerySide | undefined;
  /** Stops in the order of the data's way; what was accepted is durable already. */
  close(): Promise<void>;
}

export interface Service {
  readonly kind: "service";
  readonly options: ServiceOptions;
  start(options?: StartOptions): Promise<App>;
  /** Creates or checks the tables of both databases, as far as they are this process's, and ends. */
  migrate(options?: StartOptions): Promise<{ readonly databases: readonly string[] }>;
}

export function service(options: ServiceOptions): Service {
  checkOptions(options);
  return {
    kind: "service",
    options,
    start: (start = {}) => startApp(options, start),
    migrate: (start = {}) => migrateOnly(options, start),
  };
}

function checkOptions({ name, aggregates, views, viewStores = {} }: ServiceOptions): void {
  const refuse = (what: string) => new TidemarkError("INVALID_DEFINITION", { what });
  if (!/^[a-z][a-z0-9_-]{0,39}$/.test(name))
    throw refuse(`The service name '${name}' is not 1 to 40 small letters, digits, '_' and '-', starting with a letter`);
  const twice = (names: readonly string[]) => names.find((each, i) => names.indexOf(each) !== i);
  const aggregate = twice(aggregates.map((a) => a.name));
  if (aggregate !== undefined) throw refuse(`Two aggregates are named '${aggregate}'`);
  const view = twice(views.map((v) => v.name));
  if (view !== undefined) throw refuse(`Two views are named '${view}'`);
  const stray = Object.keys(viewStores).find((each) => !views.some((v) => v.name === each));
  if (stray !== undefined) throw refuse(`'viewStores' names '${stray}', which is no view of service '${name}'`);
  for (const each of views) {
    const missing = each.logs.find((log) => !aggregates.some((a) => a.name === log));
    if (missing !== undefined) throw refuse(`View '${each.name}' reads log '${missing}', which is no aggregate of service '${name}'`);
  }
}

/** The parts of a process before anything runs on them. */
interface Parts {
  readonly settings: Settings;
  readonly log: Logger;
  readonly write: WriteParts | undefined;
  readonly read: ReadParts | undefined;
  readonly describe: (where: string) => void;
  readonly embedded: boolean;
}

async function openParts(
  { name, aggregates, views, viewStores = {} }: ServiceOptions,
  { environment = process.env, logger }: StartOptions,
  open: Opened,
): Promise<Parts> {
  const settings = readSettings(environment);
  const log = logger ?? makeLogger(settings.logLevel, name);
  if (sharesDatabase(settings)) {
    log.warn(
      "DATABASE_URL and READ_DATABASE_URL name the same database: give each side its own, so that they scale, fail and are secured apart",
    );
  }
  const has = (role: Role) => settings.roles.has(role);
  const writes = has("command") || has("processor") || has("relay") || (has("projection") && settings.kafkaBrokers === null);
  const reads = has("projection") || has("query");
  const embedded = (writes && settings.databaseUrl === null) || (reads && settings.readDatabaseUrl === null);
  const lock = embedded ? lockFolder(settings.dataFolder) : undefined;
  if (lock !== undefined) open.add(() => lock.release());
  const write = writes ? await openEventStore(settings, aggregates, open) : undefined;
  const read = reads ? await openReadParts({ settings, environment, views, viewStores, logger: log }, open) : undefined;
  return { settings, log, write, read, embedded, describe: (where) => lock?.describe(where) };
}

async function startApp(options: ServiceOptions, start: StartOptions): Promise<App> {
  const open = opened();
  try {
    return await assemble(options, start, open);
  } catch (error) {
    await open.close();
    throw error;
  }
}

async function assemble(options: ServiceOptions, start: StartOptions, open: Opened): Promise<App> {
  const { name, aggregates, views } = options;
  const { settings, log, write, read, describe, embedded } = await openParts(options, start, open);
  const has = (role: Role) => settings.roles.has(role);
  const ownEnds = new Map<string, number[]>();
  const noteEnd = (ofLog: string, partition: number, position: number) => {
    const ends = ownEnds.get(ofLog) ?? [];
    ownEnds.set(ofLog, ends);
    ends[partition] = Math.max(ends[partition] ?? 0, position);
  };

  const transport: TransportParts | undefined = has("relay") || has("projection") ? await openTransport(settings, write, open) : undefined;

  // an embedded read model is this process's alone: it is fed in full, whoever else feeds one of the same name
  const ownStore = settings.readDatabaseUrl === null ? `.${randomUUID()}` : "";
  // while a view moves, processes with the old configuration feed its old store in full and those with the new one its new store
  const kindOf = (store: ViewStore) => (store === read?.store ? "" : `.${store.name}`);
  const workers: ViewWorker[] = [];
  if (has("projection") && read !== undefined && transport !== undefined) {
    for (const view of views) {
      const worker = viewWorker({
        view,
        store: read.storeOf(view),
        transport: transport.transport,
        group: `${name}.${view.name}.v${view.version}${kindOf(read.storeOf(view))}${ownStore}`,
        logger: log,
      });
      workers.push(worker);
    }
    open.add(() => Promise.all(workers.map((worker) => worker.stop())));
    const recorder = endsRecorder({ transport: transport.transport, store: read.store, views, logger: log });
    open.add(() => recorder.stop());
  }

  const relays: Relay[] = [];
  if (has("relay") && write !== undefined && transport?.openWriter !== undefined) {
    for (const identity of write.identities.values()) {
      relays.push(
        relay({
          store: write.store,
          identity,
          openWriter: transport.openWriter,
          logger: log,
          maxEventBytes,
          exclusive: settings.relayOwnership,
        }),
      );
    }
    open.add(() => Promise.all(relays.map((each) => each.stop())));
  }

  const queries =
    has("query") && read !== undefined
      ? await querySide({ stores: new Map(views.map((view) => [view, read.storeOf(view)])), ownEnds })
      : undefined;
  if (queries !== undefined) open.add(() => queries.close());
  const commands = has("command") && write !== undefined ? openCommands(write, aggregates, log, noteEnd, open) : undefined;

  const accepting =
    write !== undefined && (has("command") || has("processor"))
      ? await openCommandParts(
          {
            name,
            settings,
            aggregates,
            statuses: options.http?.statuses ?? {},
            authorize: options.authorize,
            write,
            logger: log,
            onAppended: noteEnd,
          },
          open,
        )
      : undefined;
  const processors = accepting?.processors ?? [];

  const firstLog = aggregates[0]?.name;
  const status = async (): Promise<StatusReport> => ({
    service: name,
    projections: read === undefined ? [] : projectionReports(views, await read.store.status(views)),
    relays: relays.map((each) => ({ log: each.log, ...each.state() })),
    commands:
      accepting === undefined
        ? []
        : await commandReports(
            aggregates.map((a) => a.name),
            accepting.ledger,
            accepting.ends,
            processors,
          ),
  });
  const rebuild: App["rebuild"] = (view, rebuilding = {}) =>
    rebuildView({ view, views, read, transport: transport?.transport, write, logger: log, ...rebuilding });

  if (embedded && isWhole(settings)) {
    const control = await serveControl(settings.dataFolder, (request, progress) =>
      request.do === "status" ? status() : rebuild(request.view ?? "", { from: rebuildSource(request.from), onProgress: progress }),
    );
    open.add(() => control.close());
  }

  let url: string | null = null;
  if (options.http !== undefined) {
    const server = httpServer(options.http, {
      ...(commands === undefined ? {} : { commands }),
      ...(accepting?.acceptance === undefined ? {} : { acceptance: accepting.acceptance }),
      ...(queries === undefined ? {} : { queries }),
      health: health({
        ...(write === undefined || firstLog === undefined ? {} : { writeStore: () => write.store.heads(firstLog) }),
        ...(read === undefined ? {} : { viewStore: () => read.ready(), otherStores: read.others }),
        relays,
        workers,
        processors,
      }),
      roles: settings.roles,
      logger: log,
    });
    open.add(() => server.close());
    const listening = await server.listen({ host: settings.host, port: settings.port });
    url = listening.url;
    describe(listening.url);
  }
  log.info(`service '${name}' is up`, {
    roles: [...settings.roles],
    url,
    writeStore: write === undefined ? null : settings.databaseUrl === null ? "embedded" : "PostgreSQL",
    transport: transport?.transport.kind ?? null,
  });

  let closing: Promise<void> | undefined;
  const close = () => {
    queries?.stopWaiting();
    return (closing ??= open.close());
  };
  return {
    name,
    settings,
    url,
    execute: executeOn(commands),
    read: readOn(queries),
    status,
    rebuild,
    queries,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function migrateOnly(options: ServiceOptions, start: StartOptions): Promise<{ databases: readonly string[] }> {
  const open = opened();
  try {
    const { write, read } = await openParts(options, start, open);
    // Generations have tables of their own: made here, a process without the rights to make tables finds them.
    if (read !== undefined) for (const view of options.views) await read.storeOf(view).ensure(view);
    return { databases: [...(write === undefined ? [] : ["write"]), ...(read === undefined ? [] : ["views"])] };
  } finally {
    await open.close();
  }
}
