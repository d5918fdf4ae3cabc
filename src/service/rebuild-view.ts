import type { AnyView } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import { eventsTransport } from "../runtime/events-transport.ts";
import type { Logger, Transport } from "../runtime/ports.ts";
import { fillAndSwitch, type RebuildProgress } from "../runtime/rebuild.ts";
import type { ReadParts } from "./read-parts.ts";
import type { WriteParts } from "./write-parts.ts";

/** What a rebuild reads: the events table of the write database, or the copy of the logs in Kafka. Positions are the same in both. */
export type RebuildSource = "events" | "log";

/** @throws INVALID_SETTING */
export function rebuildSource(text: string | undefined): RebuildSource | undefined {
  if (text === undefined || text === "events" || text === "log") return text;
  throw new TidemarkError("INVALID_SETTING", {
    setting: "--from",
    problem: `'${text}' is neither 'events' (the events table) nor 'log' (Kafka)`,
  });
}

export interface RebuildViewOptions {
  readonly view: string;
  readonly views: readonly AnyView[];
  readonly read: ReadParts | undefined;
  /** What this process's projections read. */
  readonly transport: Transport | undefined;
  /** The write side, where this process has it. */
  readonly write: Pick<WriteParts, "store" | "identities"> | undefined;
  /** What the projections read unless given. */
  readonly from?: RebuildSource | undefined;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RebuildProgress) => void;
}

/** @throws NOT_FOUND for a view that is none of this service, INVALID_SETTING where this process has not the role `projection` or not the source that was asked for, REBUILD_REFUSED */
export async function rebuildView({
  view: name,
  views,
  read,
  transport,
  write,
  from,
  logger,
  signal,
  onProgress,
}: RebuildViewOptions): Promise<{ generation: number }> {
  const view = views.find((each) => each.name === name);
  if (view === undefined)
    throw new TidemarkError("NOT_FOUND", { what: `View '${name}' (there are ${views.map((each) => each.name).join(", ")})` });
  if (read === undefined || transport === undefined)
    throw new TidemarkError("INVALID_SETTING", { setting: "TIDEMARK_ROLES", problem: "a rebuild needs the role 'projection'" });
  const source = await openSource(from, transport, write);
  try {
    return await rebuildFrom(source.transport, { view, store: read.storeOf(view), logger, signal, onProgress });
  } finally {
    await source.close();
  }
}

/** @throws INVALID_SETTING */
async function openSource(
  from: RebuildSource | undefined,
  own: Transport,
  write: RebuildViewOptions["write"],
): Promise<{ readonly transport: Transport; close(): Promise<void> }> {
  const as = own.kind === "events" ? "events" : "log";
  if (from === undefined || from === as) return { transport: own, close: () => Promise.resolve() };
  if (from === "log")
    throw new TidemarkError("INVALID_SETTING", {
      setting: "KAFKA_BROKERS",
      problem: "a rebuild from the log in Kafka needs it; this process reads the events table",
    });
  if (write === undefined)
    throw new TidemarkError("INVALID_SETTING", {
      setting: "TIDEMARK_ROLES",
      problem:
        "a rebuild from the events table needs the write database: a process with the role 'command' or 'relay', or the command line with DATABASE_URL",
    });
  const transport = await eventsTransport(write.store, write.identities);
  return { transport, close: () => transport.close() };
}

interface RebuildFrom {
  readonly view: AnyView;
  readonly store: ReadParts["store"];
  readonly logger: Logger;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: RebuildProgress) => void) | undefined;
}

async function rebuildFrom(
  transport: Transport,
  { view, store, logger, signal, onProgress }: RebuildFrom,
): Promise<{ generation: number }> {
  const { generations } = await store.ensure(view);
  const unfinished = generations.find((g) => g.state === "building");
  const { generation } = unfinished ?? (await store.create(view));
  await fillAndSwitch({
    view,
    generation,
    store,
    transport,
    logger,
    stop: signal ?? new AbortController().signal,
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  const after = (await store.ensure(view)).generations.find((g) => g.generation === generation);
  if (after?.state !== "live")
    throw new TidemarkError("REBUILD_REFUSED", { view: view.name, problem: `generation ${generation} is ${after?.state ?? "gone"}` });
  return { generation };
}
