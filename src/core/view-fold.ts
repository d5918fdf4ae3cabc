/** The fold of one view, with its handlers looked up by log and type. */
import type { AnyAggregate, AnyView, Document } from "./definition.ts";
import type { LogEvent } from "./message.ts";
import { refuse } from "./names.ts";
import { withoutFields } from "./reference.ts";

type On = (document: Document, event: LogEvent) => Document | null;
type Create = (event: LogEvent) => Document | null;
type Key = (event: LogEvent) => string | readonly string[] | null | undefined;

/** A behaviour as it is at run time. */
export interface ErasedBehaviour {
  readonly on: Readonly<Record<string, On>>;
  readonly create?: Readonly<Record<string, Create>>;
  readonly initial?: (key: string) => Document;
  readonly key?: Key | Readonly<Record<string, Key>>;
}

/** What a handler for this event is called: its type, or "log.Type" where another log of the view has an event of that type. */
export function handlerKey(from: readonly AnyAggregate[], log: string, type: string): string {
  const ambiguous = from.some((other) => other.name !== log && Object.hasOwn(other.eventSchemas, type));
  return ambiguous ? `${log}.${type}` : type;
}

export function foldOf(
  from: readonly AnyAggregate[],
  copies: readonly string[],
  behaviour: ErasedBehaviour,
): Pick<AnyView, "handles" | "keys" | "fold"> {
  const { on, create, initial, key } = behaviour;
  interface Handler {
    readonly on?: On;
    readonly create?: Create;
    readonly key?: Key;
  }
  /** By log, then type: nothing is put together for each event. */
  const handlers = new Map<string, Map<string, Handler>>();
  for (const log of from) {
    const ofLog = new Map<string, Handler>();
    handlers.set(log.name, ofLog);
    for (const type of Object.keys(log.eventSchemas)) {
      const name = handlerKey(from, log.name, type);
      const found = {
        ...pick("on", on, name),
        ...pick("create", create, name),
        ...(typeof key === "function" ? { key } : pick("key", key, name)),
      };
      if (found.on !== undefined || found.create !== undefined) ofLog.set(type, found);
    }
  }
  const handlerOf = (event: { readonly log: string; readonly type: string }) => handlers.get(event.log)?.get(event.type);
  const strip = (document: Document): Document => withoutFields(document, copies);
  const checked = (event: LogEvent, document: Document | null): Document | null => {
    if (document === null) return null;
    if (typeof document !== "object" || typeof (document as { then?: unknown }).then === "function") {
      return refuse(
        `The handler of ${event.type} gave ${typeof document === "object" ? "a promise" : String(document)} where a document or null is expected.`,
      );
    }
    return strip(document);
  };

  return {
    handles: (event) => handlerOf(event) !== undefined,
    keys(event) {
      const handler = handlerOf(event);
      if (handler === undefined) return [];
      if (handler.key === undefined) return [event.stream];
      const keys = handler.key(event);
      if (keys === null || keys === undefined) return [];
      return typeof keys === "string" ? [keys] : [...new Set(keys)];
    },
    fold(current, event, documentKey) {
      const handler = handlerOf(event);
      if (handler === undefined) return current === null ? null : strip(current);
      if (current === null && initial === undefined) return handler.create === undefined ? null : checked(event, handler.create(event));
      const document = strip(current ?? initial!(documentKey));
      return handler.on === undefined ? document : checked(event, handler.on(document, event));
    },
  };
}

const pick = <N extends string, T>(as: N, map: Readonly<Record<string, T>> | undefined, name: string): { [K in N]?: T } =>
  (map !== undefined && Object.hasOwn(map, name) ? { [as]: map[name] } : {}) as { [K in N]?: T };
