/**
 * What an operator's command does beside the running processes, or in place of a stopped embedded one:
 * the view store alone, and for a rebuild the transport too. No HTTP, no relay, no group membership.
 */
import type { Logger } from "../runtime/ports.ts";
import type { RebuildProgress } from "../runtime/rebuild.ts";
import { askControl } from "./control.ts";
import { lockFolder } from "./folder-lock.ts";
import { logger as makeLogger } from "./logger.ts";
import { opened } from "./opened.ts";
import { openReadParts } from "./read-parts.ts";
import { rebuildView } from "./rebuild-view.ts";
import type { Service } from "./service.ts";
import { type Environment, readSettings, type Settings } from "./settings.ts";
import { projectionReports, type StatusReport } from "./status.ts";
import { openTransport } from "./transport-parts.ts";
import { openEventStore } from "./write-parts.ts";

export interface Operator {
  status(): Promise<StatusReport>;
  rebuild(view: string, onProgress: (progress: RebuildProgress) => void, signal: AbortSignal): Promise<{ readonly generation: number }>;
}

/** @throws DATA_FOLDER_IN_USE, INVALID_SETTING, UNAVAILABLE */
export function operator({ options }: Service, environment: Environment): Operator {
  const settings = readOperatorSettings(environment);
  const log: Logger = makeLogger("silent", options.name);

  const withParts = async <T>(
    transports: boolean,
    work: (parts: {
      read: Awaited<ReturnType<typeof openReadParts>>;
      transport: Awaited<ReturnType<typeof openTransport>> | undefined;
    }) => Promise<T>,
  ): Promise<T> => {
    const open = opened();
    try {
      const writes = transports && settings.kafkaBrokers === null;
      if (settings.readDatabaseUrl === null || (writes && settings.databaseUrl === null)) {
        const lock = lockFolder(settings.dataFolder);
        open.add(() => lock.release());
      }
      const write = writes ? await openEventStore(settings, options.aggregates, open) : undefined;
      const read = await openReadParts(settings, options.views, open);
      const transport = transports ? await openTransport(settings, write, open) : undefined;
      return await work({ read, transport });
    } finally {
      await open.close();
    }
  };
  /** A running embedded service answers by itself: nobody else may open its folder. */
  const running = async (request: Parameters<typeof askControl>[1], onProgress?: (value: unknown) => void) =>
    settings.readDatabaseUrl === null ? askControl(settings.dataFolder, request, onProgress) : undefined;

  return {
    async status() {
      const answer = await running({ do: "status" });
      if (answer !== undefined) return answer.result as StatusReport;
      return withParts(false, async ({ read }) => ({
        service: options.name,
        projections: projectionReports(options.views, await read.store.status(options.views)),
        relays: [],
      }));
    },
    async rebuild(view, onProgress, signal) {
      const answer = await running({ do: "rebuild", view }, (value) => onProgress(value as RebuildProgress));
      if (answer !== undefined) return answer.result as { generation: number };
      return withParts(true, ({ read, transport }) =>
        rebuildView({ view, views: options.views, read, transport: transport?.transport, logger: log, signal, onProgress }),
      );
    },
  };
}

/** The roles of the processes do not matter here, only where the stores are. */
function readOperatorSettings(environment: Environment): Settings {
  return readSettings({ ...environment, TIDEMARK_ROLES: undefined });
}
