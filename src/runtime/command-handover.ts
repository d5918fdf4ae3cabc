/**
 * Commands that a process has accepted and is likely to decide itself: checked once, not twice. A record is one of them only where all of it is what was
 * sent, so nobody can have put another command under that id; whatever is not found here is read and checked as anybody's.
 */
import type { AnyCommand } from "../core/definition.ts";
import type { CheckedCommand } from "./command-job.ts";
import type { CommandRecord, NewCommandRecord } from "./command-ports.ts";

export interface HandedOver {
  readonly command: AnyCommand;
  readonly checked: CheckedCommand;
}

export interface CommandHandover {
  /** Kept until it is taken or others have taken its place; not at all where a JSON text would not give back the same data. */
  keep(record: NewCommandRecord, own: HandedOver): void;
  /** What the record of this id was when it was sent from here. Given once. */
  take(id: string, record: CommandRecord): HandedOver | undefined;
}

export interface CommandHandoverOptions {
  /** 10,000 unless given. */
  readonly maxCommands?: number;
  /** The sum of their data, in characters; 8 Mi unless given. */
  readonly maxText?: number;
}

/** As deep as a body may be. */
const levels = 20;

export function commandHandover({ maxCommands = 10_000, maxText = 8 * 1024 * 1024 }: CommandHandoverOptions = {}): CommandHandover {
  const kept = new Map<string, HandedOver & { readonly record: NewCommandRecord }>();
  let text = 0;

  function forget(id: string): void {
    text -= kept.get(id)?.record.value.length ?? 0;
    kept.delete(id);
  }

  return {
    keep(record, { command, checked }) {
      forget(record.id);
      if (!isJson(command.data ?? {}, levels)) return;
      kept.set(record.id, { command, checked, record });
      text += record.value.length;
      for (const id of kept.keys()) {
        if (kept.size <= maxCommands && text <= maxText) break;
        forget(id);
      }
    },
    take(id, found) {
      const own = kept.get(id);
      if (own === undefined || !isSame(own.record, found)) return undefined;
      forget(id);
      return own;
    },
  };
}

function isSame({ key, value, headers }: NewCommandRecord, found: CommandRecord): boolean {
  return (
    found.headers.length === headers.length &&
    headers.every(([name, content], i) => name === found.headers[i]![0] && isText(content, found.headers[i]![1])) &&
    isText(key, found.key) &&
    isText(value, found.value)
  );
}

/** What is not ASCII is compared after decoding: another number of bytes. */
function isText(text: string, bytes: Uint8Array | null): boolean {
  if (bytes === null || bytes.length < text.length) return false;
  if (bytes.length > 64 || bytes.length !== text.length)
    return (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).toString("utf8") === text;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[i]) return false;
  return true;
}

/** True where `JSON.parse(JSON.stringify(value))` is the same and is let in by the form's own parser. */
function isJson(value: unknown, below: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0);
    case "object":
      if (value === null) return true;
      if (below === 0) return false;
      return Array.isArray(value) ? areJson(value, below) : isJsonObject(value, below);
    default:
      return false;
  }
}

/** A hole counts as undefined, which is no JSON. */
function areJson(values: readonly unknown[], below: number): boolean {
  for (const value of values) if (!isJson(value, below - 1)) return false;
  return !("toJSON" in values);
}

function isJsonObject(value: object, below: number): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if ((prototype !== Object.prototype && prototype !== null) || "toJSON" in value) return false;
  const members = value as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(members))
    if (name === "__proto__" || name === "constructor" || !isJson(members[name], below - 1)) return false;
  return true;
}
