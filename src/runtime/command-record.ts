import { isUtf8 } from "node:buffer";
/**
 * The form of a command in its topic: key = stream, CloudEvents 1.0 in binary mode (the type in a header, the value is the data) or, for producers that
 * cannot set headers, a value `{type, data, id?}`. `docs/commands-through-kafka.md` is written for those producers.
 */
import { hash } from "node:crypto";
import type { AnyAggregate, AnyCommand } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import type { CommandContext, ExecuteOptions, ExpectedVersion } from "./app.ts";
import type { CommandForm, CommandRecord, NewCommandRecord } from "./command-ports.ts";

export const commandHeader = {
  specVersion: "ce_specversion",
  id: "ce_id",
  source: "ce_source",
  type: "ce_type",
  correlationId: "ce_correlationid",
  causationId: "ce_causationid",
  contentType: "content-type",
  /** The command id itself; comes before `ce_id`. */
  commandId: "tidemark-command-id",
  /** `3`, `3,4` or `*`. */
  expectedVersion: "tidemark-expected-version",
  /** `true`: the outcome is told on the topic of replies. */
  reply: "tidemark-reply",
  actor: "tidemark-actor",
  traceparent: "traceparent",
  tracestate: "tracestate",
} as const;

export const maxCommandIdLength = 255;

/** What a record says, as far as it can be read without its value. */
export interface RecordHead {
  readonly id: string;
  /** False where the id comes from the record's place. */
  readonly given: boolean;
  readonly key: string | null;
  readonly wantsReply: boolean;
  readonly correlationId: string | null;
  readonly traceparent: string | null;
  header(name: string): string | undefined;
}

/** A place in a topic is one command, however often it is read. */
export const placeId = (topicId: string, partition: number, offset: number): string =>
  hash("sha256", JSON.stringify(["place", topicId, partition, offset]), "base64url");

/** CloudEvents names an event by source and id together. One that goes to two logs is a command in each. */
const cloudEventId = (log: string, source: string, id: string): string =>
  hash("sha256", JSON.stringify(["cloudevent", log, source, id]), "base64url");

const isNone = (header: string | undefined): header is "" | undefined => header === undefined || header === "";

const visible = /^[\x21-\x7e]{1,255}$/;
const text = (bytes: Uint8Array): string =>
  (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).toString("utf8");

/** Total: a record of any content has a head. An id that is no id (too long, not visible ASCII, of no source) counts as none and is told by `readCommand`. */
export function readHead(record: CommandRecord, { log, topicId }: { readonly log: string; readonly topicId: string }): RecordHead {
  const header = (name: string): string | undefined => {
    const found = record.headers.findLast((each) => each[0] === name);
    return found === undefined ? undefined : text(found[1]);
  };
  const own = header(commandHeader.commandId);
  const event = header(commandHeader.id);
  const source = header(commandHeader.source);
  let id: string | undefined;
  if (own !== undefined) id = visible.test(own) ? own : undefined;
  else if (event !== undefined && event !== "") id = isNone(source) ? undefined : cloudEventId(log, source, event);
  else if (header(commandHeader.type) === undefined) id = idInValue(record.value);
  return {
    id: id ?? placeId(topicId, record.partition, record.offset),
    given: id !== undefined,
    key: record.key === null ? null : text(record.key),
    wantsReply: header(commandHeader.reply) === "true",
    correlationId: header(commandHeader.correlationId) ?? null,
    traceparent: header(commandHeader.traceparent) ?? null,
    header,
  };
}

/** Of the form without headers. */
function idInValue(value: Uint8Array | null): string | undefined {
  if (value === null || value.length === 0) return undefined;
  try {
    const parsed = JSON.parse(text(value)) as { readonly id?: unknown };
    return typeof parsed.id === "string" && visible.test(parsed.id) ? parsed.id : undefined;
  } catch {
    return undefined; // `readCommand` says what is wrong with it
  }
}

const invalid = (pointer: string, detail: string) =>
  new TidemarkError("INVALID_INPUT", { what: "The command", issues: [{ pointer, detail }] });

/** @throws INVALID_JSON, INVALID_INPUT, INVALID_HEADER for what is no command of this log */
export function readCommand(
  record: CommandRecord,
  head: RecordHead,
  aggregate: AnyAggregate,
  form: CommandForm,
): { readonly command: AnyCommand; readonly options: ExecuteOptions } {
  const own = head.header(commandHeader.commandId);
  if (own !== undefined && !visible.test(own))
    throw new TidemarkError("INVALID_HEADER", { header: commandHeader.commandId, problem: "it must be 1 to 255 visible ASCII characters" });
  // the id alone is that of any source, and a guess would take one sender's command for another's
  if (own === undefined && !isNone(head.header(commandHeader.id)) && isNone(head.header(commandHeader.source)))
    throw new TidemarkError("INVALID_HEADER", {
      header: commandHeader.source,
      problem: `it must be there with ${commandHeader.id}: the two together are the id`,
    });
  if (record.key === null || record.key.length === 0) throw invalid("", `needs a key: the ${aggregate.id} of the command`);
  if (!isUtf8(record.key)) throw invalid("", "has a key that is not UTF-8");
  const { type, data } = contentOf(record, head, form);
  const maker = Object.hasOwn(aggregate.commands, type) ? aggregate.commands[type] : undefined;
  if (maker === undefined) throw invalid("/type", `'${type}' is no command of log '${aggregate.name}'`);
  const command: AnyCommand = { aggregate, type, stream: head.key!, data };
  form.strict(command);
  const expectedVersion = expectedOf(head.header(commandHeader.expectedVersion));
  return {
    command,
    options: { commandId: head.id, context: contextOf(head), ...(expectedVersion === undefined ? {} : { expectedVersion }) },
  };
}

function contentOf(record: CommandRecord, head: RecordHead, form: CommandForm): { readonly type: string; readonly data: unknown } {
  const inHeader = head.header(commandHeader.type);
  const value = record.value?.length === 0 ? null : record.value;
  if (inHeader !== undefined) return { type: inHeader, data: value === null ? {} : form.parse(value) };
  if (value === null) throw invalid("/type", "is missing: a header ce_type, or a value {type, data}");
  const content = form.parse(value);
  if (typeof content !== "object" || content === null || Array.isArray(content)) throw invalid("", "must be an object {type, data}");
  const { type, data, id, ...rest } = content as Record<string, unknown>;
  // one that cannot be an id would be dropped, and its repeats be taken for other commands
  if (id !== undefined && !(typeof id === "string" && visible.test(id)))
    throw invalid("/id", "must be a string of 1 to 255 visible ASCII characters");
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(`/${unknown}`, "is not a known member");
  if (typeof type !== "string") throw invalid("/type", "must be the name of a command");
  return { type, data: data ?? {} };
}

function expectedOf(header: string | undefined): ExpectedVersion | undefined {
  if (header === undefined) return undefined;
  if (header === "*") return "existing";
  const versions = header.split(",").map((part) => (/^\s*\d{1,15}\s*$/.test(part) ? Number(part) : Number.NaN));
  if (versions.some(Number.isNaN))
    throw new TidemarkError("INVALID_HEADER", {
      header: commandHeader.expectedVersion,
      problem: "expected a version, a list of them, or *",
    });
  return versions.length === 1 ? versions[0]! : versions;
}

function contextOf({ header }: RecordHead): CommandContext {
  const members = [
    ["correlationId", header(commandHeader.correlationId)],
    ["causationId", header(commandHeader.causationId)],
    ["traceparent", header(commandHeader.traceparent)],
    ["tracestate", header(commandHeader.tracestate)],
    ["actor", header(commandHeader.actor)],
  ] as const;
  return Object.fromEntries(members.filter(([, value]) => value !== undefined));
}

/** The record of a command that this process accepted. */
export function toRecord(
  command: AnyCommand,
  options: ExecuteOptions & { readonly commandId: string },
  source: string,
  reply: boolean,
): NewCommandRecord {
  const { expectedVersion, context = {}, commandId } = options;
  const expected = expectedVersion === undefined ? undefined : expectedVersion === "existing" ? "*" : String(expectedVersion);
  const headers = [
    [commandHeader.specVersion, "1.0"],
    [commandHeader.id, commandId],
    [commandHeader.source, source],
    [commandHeader.type, command.type],
    [commandHeader.contentType, "application/json"],
    [commandHeader.commandId, commandId],
    [commandHeader.expectedVersion, expected],
    [commandHeader.reply, reply ? "true" : undefined],
    [commandHeader.correlationId, context.correlationId],
    [commandHeader.causationId, context.causationId],
    [commandHeader.actor, context.actor],
    [commandHeader.traceparent, context.traceparent],
    [commandHeader.tracestate, context.tracestate],
  ] as const;
  return {
    id: commandId,
    key: command.stream,
    value: JSON.stringify(command.data ?? {}),
    headers: headers.filter((each): each is typeof each & readonly [string, string] => each[1] !== undefined),
  };
}

/** A record as JSON, byte for byte, for the operator and for the table of accepted commands. */
export const packRecord = (record: Pick<CommandRecord, "key" | "value" | "headers">): string =>
  JSON.stringify({
    key: record.key === null ? null : base64(record.key),
    value: record.value === null ? null : base64(record.value),
    headers: record.headers.map(([name, value]) => [name, base64(value)]),
  });

export function unpackRecord(packed: unknown, partition: number, offset: number): CommandRecord {
  const { key, value, headers } = packed as { key: string | null; value: string | null; headers: [string, string][] };
  const bytes = (encoded: string) => Buffer.from(encoded, "base64");
  return {
    partition,
    offset,
    key: key === null ? null : bytes(key),
    value: value === null ? null : bytes(value),
    headers: headers.map(([name, content]) => [name, bytes(content)]),
  };
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
