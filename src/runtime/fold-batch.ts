/** Folds a batch in memory: which keys it concerns, and what their documents become. Failures name the event at fault. */
import type { AnyView, Document } from "../core/definition.ts";
import type { LogEvent } from "../core/message.ts";
import { stripCopies } from "../core/reference.ts";
import { TidemarkError } from "../errors.ts";

/** Events by key, in the order of the log. */
export type Touched = ReadonlyMap<string, readonly LogEvent[]>;

/** What names an event where it fails. */
export type Blamed = Pick<LogEvent, "log" | "partition" | "position" | "type">;

export function handlerFailed(view: string, event: Blamed, cause: unknown): TidemarkError<"HANDLER_FAILED"> {
  const { type, log, partition, position } = event;
  return new TidemarkError(
    "HANDLER_FAILED",
    { view, type, log, partition, position, problem: cause instanceof Error ? cause.message : String(cause) },
    { cause },
  );
}

/** @throws HANDLER_FAILED naming `event`, for anything that `work` throws */
export function blaming<T>(view: string, event: Blamed, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw handlerFailed(view, event, cause);
  }
}

/** `failing`: the view whose partition stands still where this fails; `checkKey` throws for a key that its store cannot keep. @throws HANDLER_FAILED */
export function touchedBy(view: AnyView, events: readonly LogEvent[], failing: string, checkKey: (key: string) => void): Touched {
  const touched = new Map<string, LogEvent[]>();
  for (const event of events) {
    for (const key of blaming(failing, event, () => view.keys(event))) {
      const known = touched.get(key);
      if (known !== undefined) {
        known.push(event);
        continue;
      }
      blaming(failing, event, () => checkKey(key));
      touched.set(key, [event]);
    }
  }
  return touched;
}

/** A document with what is counted beside it; `updated`: "" where no event was applied yet. */
export interface Folded {
  readonly document: Document | null;
  readonly version: number;
  readonly updated: string;
}

export const nothing: Folded = { document: null, version: 0, updated: "" };

/** Handlers do not see copied fields. @throws HANDLER_FAILED */
export function foldEvents(view: AnyView, key: string, events: readonly LogEvent[], current: Folded, failing: string): Folded {
  let { version, updated } = current;
  let document = current.document === null ? null : stripCopies(view, current.document);
  for (const event of events) {
    const before: Document | null = document;
    document = blaming(failing, event, () => view.fold(before, event, key));
    if (view.keyed === "stream" && document === null) {
      version = 0;
      updated = "";
    } else {
      // by other keys both go on over a deletion: when the document was gone depends on how the partitions interleave
      version = view.keyed === "stream" ? event.version : version + 1;
      // a stream has an order of its own, whatever the clocks of its writers said; between partitions there is none but the time
      if (view.keyed === "stream" || event.time > updated) updated = event.time;
    }
  }
  return { document, version, updated };
}

/** Levels of nesting; what is deeper, or holds itself, is JSON's to judge. */
const maxDepth = 100;

/**
 * The document as JSON gives it back: itself where it is JSON already, which costs a tenth of a copy. Nobody changes it from then on.
 * @throws TypeError for what JSON cannot write
 */
export const asJson = (document: Document): Document =>
  isJson(document, maxDepth) ? document : (JSON.parse(JSON.stringify(document)) as Document);

function isJson(value: unknown, depth: number): boolean {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== "object" || depth === 0) return false;
  if (Array.isArray(value)) {
    // a hole is undefined
    for (let i = 0; i < value.length; i++) if (!isJson(value[i], depth - 1)) return false;
    return true;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const name in value) if (!isJson((value as Readonly<Record<string, unknown>>)[name], depth - 1)) return false;
  return true;
}
