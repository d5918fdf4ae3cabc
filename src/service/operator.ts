/**
 * What an operator's command does beside the running processes, or in place of a stopped embedded one:
 * the view store alone, and for a rebuild the transport too. No HTTP, no relay, no group membership.
 */
import { TidemarkError } from "../errors.ts";
import { commandLedger, openDatabase } from "../postgres/index.ts";
import type { Logger } from "../runtime/ports.ts";
import type { RebuildProgress } from "../runtime/rebuild.ts";
import { commandEnds } from "./command-parts.ts";
import { commandReports } from "./command-reports.ts";
import { askControl } from "./control.ts";
import { lockFolder } from "./folder-lock.ts";
import { logger as makeLogger } from "./logger.ts";
import { opened } from "./opened.ts";
import { openReadParts } from "./read-parts.ts";
import { type RebuildSource, rebuildView } from "./rebuild-view.ts";
import type { Service } from "./service.ts";
import { type Environment, readSettings, type Settings } from "./settings.ts";
import { projectionReports, type StatusReport } from "./status.ts";
import { openTransport } from "./transport-parts.ts";
import { openEventStore } from "./write-parts.ts";

export interface Operator {
  status(): Promise<StatusReport>;
  /** `from`: what the projections read unless given. */
  rebuild(
    view: string,
    options: {
      readonly from?: RebuildSource | undefined;
      readonly onProgress: (progress: RebuildProgress) => void;
      readonly signal: AbortSignal;
    },
  ): Promise<{ readonly generation: number }>;
}

/** @throws DATA_FOLDER_IN_USE, INVALID_SETTING, UNAVAILABLE */
export function operator({ options }: Service, environment: Environment): Operator {
  const settings = readOperatorSettings(environment);
  const log: Logger = makeLogger("silent", options.name);

  const withParts = async <T>(
    transports: "none" | "own" | RebuildSource,
    work: (parts: {
      read: Awaited<ReturnType<typeof openReadParts>>;
      write: Awaited<ReturnType<typeof openEventStore>> | undefined;
      transport: Awaited<ReturnType<typeof openTransport>> | undefined;
    }) => Promise<T>,
  ): Promise<T> => {
    const open = opened();
    try {
      const writes = transports !== "none" && (settings.kafkaBrokers === null || transports === "events");
      // an embedded write store beside Kafka would be made here, empty
      if (writes && settings.kafkaBrokers !== null && settings.databaseUrl === null)
        throw new TidemarkError("INVALID_SETTING", { setting: "DATABASE_URL", problem: "a rebuild from the events table needs it" });
      if (settings.readDatabaseUrl === null || (writes && settings.databaseUrl === null)) {
        const lock = lockFolder(settings.dataFolder);
        open.add(() => lock.release());
      }
      const write = writes ? await openEventStore(settings, options.aggregates, open) : undefined;
      const read = await openReadParts(
        {
          settings,
          environment,
          views: options.views,
          viewStores: options.viewStores ?? {},
          logger: makeLogger(settings.logLevel, options.name),
        },
        open,
      );
      const transport = transports !== "none" ? await openTransport(settings, write, open) : undefined;
      return await work({ read, write, transport });
    } finally {
      await open.close();
    }
  };
  /** A running embedded service answers by itself: nobody else may open its folder. */
  const running = async (request: Parameters<typeof askControl>[1], onProgress?: (value: unknown) => void) =>
    settings.readDatabaseUrl === null ? askControl(settings.dataFolder, request, onProgress) : undefined;

  /** A write database of its own is looked at, and never migrated, from here; the topics of commands are too. */
  const storedCommands = async (): Promise<StatusReport["commands"]> => {
    if (settings.databaseUrl === null) return [];
    const open = opened();
    try {
      const database = await openDatabase(
        { url: settings.databaseUrl },
        { schema: `${settings.prefix}tidemark`, applicationName: "tidemark status" },
      );
      open.add(() => database.close());
      const there = await database.query<{ there: boolean }>({ text: "select to_regclass('command_positions') is not null as there" });
      if (!there.rows[0]!.there) return [];
      return await commandReports(
        options.aggregates.map((a) => a.name),
        commandLedger(database),
        await commandEnds(settings, database, open),
        [],
      );
    } finally {
      await open.close();
    }
  };

  return {
    async status() {
      const answer = await running({ do: "status" });
      if (answer !== undefined) return answer.result as StatusReport;
      return withParts("none", async ({ read }) => ({
        service: options.name,
        projections: projectionReports(options.views, await read.store.status(options.views)),
        relays: [],
        commands: await storedCommands(),
      }));
    },
    async rebuild(view, { from, onProgress, signal }) {
      const answer = await running({ do: "rebuild", view, ...(from === undefined ? {} : { from }) }, (value) =>
        onProgress(value as RebuildProgress),
      );
      if (answer !== undefined) return answer.result as { generation: number };
      return withParts(from ?? "own", ({ read, write, transport }) =>
        rebuildView({ view, views: options.views, read, transport: transport?.transport, write, from, logger: log, signal, onProgress }),
      );
    },
  };
}

/** The roles of the processes do not matter here, only where the stores are. */
function readOperatorSettings(environment: Environment): Settings {
  return readSettings({ ...environment, TIDEMARK_ROLES: undefined });
}
