import type { AnyView } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import type { Logger, Transport } from "../runtime/ports.ts";
import { fillAndSwitch, type RebuildProgress } from "../runtime/rebuild.ts";
import type { ReadParts } from "./read-parts.ts";

export interface RebuildViewOptions {
  readonly view: string;
  readonly views: readonly AnyView[];
  readonly read: ReadParts | undefined;
  readonly transport: Transport | undefined;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RebuildProgress) => void;
}

/** @throws NOT_FOUND for a view that is none of this service, INVALID_SETTING where this process has not the role `projection`, REBUILD_REFUSED */
export async function rebuildView({
  view: name,
  views,
  read,
  transport,
  logger,
  signal,
  onProgress,
}: RebuildViewOptions): Promise<{ generation: number }> {
  const view = views.find((each) => each.name === name);
  if (view === undefined)
    throw new TidemarkError("NOT_FOUND", { what: `View '${name}' (there are ${views.map((each) => each.name).join(", ")})` });
  if (read === undefined || transport === undefined)
    throw new TidemarkError("INVALID_SETTING", { setting: "TIDEMARK_ROLES", problem: "a rebuild needs the role 'projection'" });
  const { store } = read;
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
    throw new TidemarkError("REBUILD_REFUSED", { view: name, problem: `generation ${generation} is ${after?.state ?? "gone"}` });
  return { generation };
}
