/** The append in the database's words: commands become parallel arrays, letters become outcomes. */
import type { AppendCommand, AppendOutcome, StoredAnswer, StreamEvent } from "../runtime/ports.ts";
import type { Database, Statement } from "./sql.ts";

const types = [
  "text",
  "int4",
  "int4",
  "text",
  "int4",
  "text",
  "text",
  "int4",
  "int4",
  "bool",
  "text",
  "text",
  "int4",
  "int4",
  "text",
  "int4",
  "text",
  "text",
  "uuid",
] as const;
const parameters = types.map((type, i) => `$${i + 1}::${type}[]`).join(", ");
const text = `select status, array_to_json(positions) as positions, details from tidemark_append(${parameters})`;

const letters = { events: "e", rejection: "r", none: "n", check: "c" } as const;
const kinds: Readonly<Record<string, StoredAnswer["kind"]>> = { e: "events", r: "rejection", n: "none" };

export interface AppendRow {
  readonly status: string;
  readonly positions: readonly number[];
  readonly details: Details | null;
}

interface Details {
  readonly duplicates: readonly (Omit<StoredAnswer, "kind"> & { readonly i: number; readonly kind: string })[] | null;
  readonly streams: readonly { readonly s: number; readonly version: number; readonly events: readonly StreamEvent[] | null }[] | null;
}

/** Gives 1-based numbers to distinct keys in the order of their first use. */
function numbering(): { of(key: string): number; readonly size: number } {
  const known = new Map<string, number>();
  return {
    of(key) {
      const number = known.get(key) ?? known.size + 1;
      known.set(key, number);
      return number;
    },
    get size() {
      return known.size;
    },
  };
}

export interface AppendCall {
  readonly statement: Statement;
  /** By command: the number (from 0) of its stream in the call. */
  readonly streams: readonly number[];
}

export function appendCall(database: Pick<Database, "array">, commands: readonly AppendCommand[]): AppendCall {
  const heads = numbering();
  const streams = numbering();
  const head = { log: [] as string[], partition: [] as number[] };
  const stream = { head: [] as number[], key: [] as string[], version: [] as number[] };
  const command = {
    id: [] as string[],
    fingerprint: [] as string[],
    stream: [] as number[],
    expected: [] as number[],
    ifMatch: [] as boolean[],
    kind: [] as string[],
    answer: [] as string[],
    n: [] as number[],
  };
  const event = {
    command: [] as number[],
    type: [] as string[],
    schema: [] as number[],
    data: [] as string[],
    metadata: [] as string[],
    id: [] as string[],
  };
  for (const [index, one] of commands.entries()) {
    const h = heads.of(`${one.partition}/${one.log}`);
    if (h > head.log.length) {
      head.log.push(one.log);
      head.partition.push(one.partition);
    }
    const s = streams.of(`${h}/${one.stream}`);
    if (s > stream.key.length) {
      stream.head.push(h);
      stream.key.push(one.stream);
      stream.version.push(one.baseVersion);
    }
    command.id.push(one.id);
    command.fingerprint.push(one.fingerprint);
    command.stream.push(s);
    command.expected.push(one.expectedVersion);
    command.ifMatch.push(one.ifMatch);
    command.kind.push(letters[one.kind]);
    command.answer.push(one.answer);
    command.n.push(one.events.length);
    for (const e of one.events) {
      event.command.push(index + 1);
      event.type.push(e.type);
      event.schema.push(e.schemaVersion);
      event.data.push(e.data);
      event.metadata.push(e.metadata);
      event.id.push(e.id);
    }
  }
  const arrays = [...Object.values(head), ...Object.values(stream), ...Object.values(command), ...Object.values(event)];
  return {
    statement: { name: "tidemark_append", text, values: arrays.map((values, i) => database.array(types[i]!, values)) },
    streams: command.stream.map((s) => s - 1),
  };
}

export function appendOutcomes(call: AppendCall, commands: readonly AppendCommand[], row: AppendRow): AppendOutcome[] {
  const duplicates = new Map(row.details?.duplicates?.map((d) => [d.i, d]));
  const streams = new Map(row.details?.streams?.map((s) => [s.s, s]));
  return commands.map((command, i): AppendOutcome => {
    const letter = row.status[i];
    const stream = streams.get(call.streams[i]!);
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
