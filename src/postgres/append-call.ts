/** The append in the database's words: commands become parallel arrays, letters become outcomes. */
import type { AppendCommand, AppendOutcome, StoredAnswer, StreamEvent } from "../runtime/ports.ts";
import type { ArrayType } from "./binary-array.ts";
import { columnOf } from "./column.ts";
import type { Database, Statement } from "./sql.ts";

/** Parameters of `tidemark_append`, in order. */
const common = {
  headLog: "text",
  headPartition: "int4",
  streamHead: "int4",
  streamKey: "text",
  streamVersion: "int4",
  id: "text",
  fingerprint: "text",
  stream: "int4",
  expected: "int4",
  ifMatch: "bool",
  kind: "text",
  answer: "text",
  n: "int4",
  eventCommand: "int4",
  eventType: "text",
  eventSchema: "int4",
  eventData: "text",
  eventMetadata: "text",
  eventId: "uuid",
} as const satisfies Record<string, ArrayType>;

/** Those of `tidemark_append_quick` come after these. */
const quickOnly = { headN: "int4", offset: "int4", eventOffset: "int4", eventVersion: "int4" } as const satisfies Record<string, ArrayType>;

const careful = statementOf(
  "tidemark_append",
  Object.entries(common),
  "json_build_object('status', a.status, 'positions', a.positions, 'details', a.details) as row from",
  " a",
);
const quick = statementOf("tidemark_append_quick", [...Object.entries(common), ...Object.entries(quickOnly)], "", " as row");

/** Those of `tidemark_append_one`. */
const one = {
  name: "tidemark_append_one",
  text: `select tidemark_append_one($1::text, $2::int, $3::text, $4::text, $5::text, $6::int, $7::bool, $8::text, $9::text,
    $10::text[], $11::int[], $12::text[], $13::text[], $14::uuid[]) as row`,
};
/** It writes event by event: many are quicker by the call for many. */
const mostEventsOfOne = 8;

function statementOf(name: string, types: readonly (readonly [string, ArrayType])[], before: string, after: string) {
  const parameters = types.map(([, type], i) => `$${i + 1}::${type}[]`).join(", ");
  return { name, types, text: `select ${before} ${name}(${parameters})${after}` };
}

const letters = { events: "e", rejection: "r", none: "n", check: "c" } as const;
const kinds: Readonly<Record<string, StoredAnswer["kind"]>> = { e: "events", r: "rejection", n: "none" };

export interface AppendRow {
  readonly row: QuickAnswer | CarefulAnswer;
}

/** Every command was new and at its version. */
interface QuickAnswer {
  /** Positions of the heads before the call. */
  readonly heads: readonly number[];
  /** Positions of the streams before the call; null where no command needs one. */
  readonly streams: readonly number[] | null;
}

interface CarefulAnswer {
  readonly heads?: undefined;
  /** A letter for each command. */
  readonly status: string;
  readonly positions: readonly number[];
  readonly details: Details | null;
}

interface Details {
  readonly duplicates: readonly (Omit<StoredAnswer, "kind"> & { readonly i: number; readonly kind: string })[] | null;
  readonly streams: readonly { readonly s: number; readonly version: number; readonly events: readonly StreamEvent[] | null }[] | null;
}

export interface AppendCall {
  readonly statement: Statement;
  /** By command: the number (from 1) of its stream in the call. */
  readonly stream: readonly number[];
  /** By stream: the number (from 1) of its head. */
  readonly streamHead: readonly number[];
  /** By command: how far after its head's position its stream's last event so far is; 0 where the call has written none. */
  readonly offset: readonly number[];
}

type Columns = { -readonly [K in keyof typeof common | keyof typeof quickOnly]: unknown[] };

const emptyColumns = (): Columns =>
  Object.fromEntries([...Object.keys(common), ...Object.keys(quickOnly)].map((name) => [name, []])) as unknown as Columns;

/**
 * `way`: "careful" asks for the function that looks at each command by itself, which the others fall back to; "quick" for the one that takes all commands for
 * undisputed; "quickest" for that of a single command where there is but one.
 */
export function appendCall(
  database: Pick<Database, "array">,
  commands: readonly AppendCommand[],
  way: "quickest" | "quick" | "careful" = "quickest",
): AppendCall {
  const first = commands[0]!;
  if (way === "quickest" && commands.length === 1 && first.events.length <= mostEventsOfOne && first.expectedVersion === first.baseVersion)
    return callOfOne(database, first);
  const heads = new Map<string, Map<number, number>>();
  const streams: Map<string, number>[] = [];
  const c = emptyColumns();
  /** By stream: version and offset after the commands so far. */
  const versions: number[] = [];
  const offsets: number[] = [];
  const headN = c.headN as number[];
  let chained = true;
  for (let index = 0; index < commands.length; index++) {
    const one = commands[index]!;
    let ofLog = heads.get(one.log);
    if (ofLog === undefined) {
      ofLog = new Map();
      heads.set(one.log, ofLog);
    }
    let h = ofLog.get(one.partition);
    if (h === undefined) {
      h = c.headLog.push(one.log);
      ofLog.set(one.partition, h);
      c.headPartition.push(one.partition);
      headN.push(0);
      streams.push(new Map());
    }
    const ofHead = streams[h - 1]!;
    let s = ofHead.get(one.stream);
    if (s === undefined) {
      s = c.streamKey.push(one.stream);
      ofHead.set(one.stream, s);
      c.streamHead.push(h);
      c.streamVersion.push(one.baseVersion);
      versions.push(one.baseVersion);
      offsets.push(0);
    }
    if (one.expectedVersion !== versions[s - 1]) chained = false;
    c.id.push(one.id);
    c.fingerprint.push(one.fingerprint);
    c.stream.push(s);
    c.expected.push(one.expectedVersion);
    c.ifMatch.push(one.ifMatch);
    c.kind.push(letters[one.kind]);
    c.answer.push(one.answer);
    c.n.push(one.events.length);
    for (const e of one.events) {
      c.eventCommand.push(index + 1);
      c.eventType.push(e.type);
      c.eventSchema.push(e.schemaVersion);
      c.eventData.push(e.data);
      c.eventMetadata.push(e.metadata);
      c.eventId.push(e.id);
      c.eventOffset.push((offsets[s - 1] = ++headN[h - 1]!));
      c.eventVersion.push(++versions[s - 1]!);
    }
    c.offset.push(offsets[s - 1]);
  }
  // only then are the numbers above those that the store will give
  const { name, types, text } = chained && way !== "careful" ? quick : careful;
  return {
    statement: { name, text, values: types.map(([column, type]) => database.array(type, c[column as keyof Columns])) },
    stream: c.stream as number[],
    streamHead: c.streamHead as number[],
    offset: c.offset as number[],
  };
}

function callOfOne(database: Pick<Database, "array">, command: AppendCommand): AppendCall {
  const { events } = command;
  const column = columnOf(database);
  const values = [
    command.log,
    command.partition,
    command.stream,
    command.id,
    command.fingerprint,
    command.expectedVersion,
    command.ifMatch,
    letters[command.kind],
    command.answer,
    column("text", events, (e) => e.type),
    column("int4", events, (e) => e.schemaVersion),
    column("text", events, (e) => e.data),
    column("text", events, (e) => e.metadata),
    column("uuid", events, (e) => e.id),
  ];
  return { statement: { ...one, values }, stream: [1], streamHead: [1], offset: [events.length] };
}

export function appendOutcomes(call: AppendCall, commands: readonly AppendCommand[], { row }: AppendRow): AppendOutcome[] {
  return row.heads === undefined ? carefulOutcomes(call, commands, row) : quickOutcomes(call, commands, row);
}

const quickOutcomes = (call: AppendCall, commands: readonly AppendCommand[], { heads, streams }: QuickAnswer): AppendOutcome[] =>
  commands.map((command, i): AppendOutcome => {
    const s = call.stream[i]! - 1;
    const offset = call.offset[i]!;
    const position = offset > 0 ? heads[call.streamHead[s]! - 1]! + offset : streams![s]!;
    if (command.kind === "check") return { status: "checked", version: command.expectedVersion, position };
    return { status: "appended", version: command.expectedVersion + command.events.length, position };
  });

function carefulOutcomes(call: AppendCall, commands: readonly AppendCommand[], row: CarefulAnswer): AppendOutcome[] {
  const duplicates = new Map(row.details?.duplicates?.map((d) => [d.i, d]));
  const streams = new Map(row.details?.streams?.map((s) => [s.s, s]));
  return commands.map((command, i): AppendOutcome => {
    const letter = row.status[i];
    const stream = streams.get(call.stream[i]! - 1);
    switch (letter) {
      case "A":
        return { status: "appended", version: command.expectedVersion + command.events.length, position: row.positions[i]! };
      case "K":
        return { status: "checked", version: command.expectedVersion, position: row.positions[i]! };
      case "D": {
        const found = duplicates.get(i);
        if (found === undefined) return { status: "duplicate", first: null };
        const { i: _, kind, ...first } = found;
        return { status: "duplicate", first: { ...first, kind: kinds[kind]! } };
      }
      case "C":
        return { status: "conflict", version: stream!.version, events: stream!.events };
      case "M":
        return { status: "mismatch", version: stream!.version };
      default:
        throw new Error(`append answered '${letter}' for a command`);
    }
  });
}
