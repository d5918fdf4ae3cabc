/** The append's rules (I1, I6), in memory: duplicates, then versions, then answers and events, all commands of a call in one step. */
import type { AppendCommand, AppendOutcome, StoredAnswer, StoredEvent, StreamEvent } from "../runtime/ports.ts";
import type { StoredLog, WriteDatabase } from "./write-database.ts";

/** More missing events than this are not sent along: the caller loads. */
const maxConflictEvents = 1_000;

interface StreamWork {
  readonly log: StoredLog;
  readonly events: StoredEvent[];
  readonly baseVersion: number;
  broken: boolean;
}

/** @throws Error for data that the store refuses; nothing was written */
export function append(database: WriteDatabase, commands: readonly AppendCommand[]): AppendOutcome[] {
  check(database, commands);
  const streams = new Map<string, StreamWork>();
  const workOf = (command: AppendCommand) => {
    const key = JSON.stringify([command.log, command.stream]);
    const known = streams.get(key);
    if (known !== undefined) return known;
    const log = database.log(command.log);
    const events = log.streams.get(command.stream) ?? [];
    const made: StreamWork = { log, events, baseVersion: command.baseVersion, broken: false };
    streams.set(key, made);
    return made;
  };
  const outcomes = commands.map((command): AppendOutcome | "conflict" | "mismatch" => {
    const work = workOf(command);
    const first = database.commands.get(command.id);
    if (first !== undefined) {
      // what follows was decided on events that are not written
      if (command.events.length > 0) work.broken = true;
      return { status: "duplicate", first };
    }
    const version = work.events.length;
    if (work.broken || command.expectedVersion !== version) {
      work.broken = true;
      return command.ifMatch && command.expectedVersion !== version && version > 0 ? "mismatch" : "conflict";
    }
    const position = work.events.at(-1)?.position ?? 0;
    if (command.kind === "check") return { status: "checked", version, position };
    const answer = write(work, command);
    database.commands.set(command.id, answer);
    return { status: "appended", version: answer.version, position: answer.position };
  });
  // versions as they are after the whole call
  return outcomes.map((outcome, i) => {
    if (typeof outcome === "object") return outcome;
    const { events, baseVersion } = workOf(commands[i]!);
    const version = events.length;
    if (outcome === "mismatch") return { status: "mismatch", version };
    const missing = version - baseVersion;
    return {
      status: "conflict",
      version,
      events: missing < 0 || missing > maxConflictEvents ? null : events.slice(baseVersion).map(streamEvent),
    };
  });
}

function write({ log, events }: StreamWork, command: AppendCommand): StoredAnswer {
  const partition = log.partitions[command.partition]!;
  for (const event of command.events) {
    const stored: StoredEvent = {
      log: command.log,
      partition: command.partition,
      position: partition.length + 1,
      stream: command.stream,
      version: events.length + 1,
      type: event.type,
      schemaVersion: event.schemaVersion,
      id: event.id,
      commandId: command.id,
      data: event.data,
      metadata: event.metadata,
    };
    partition.push(stored);
    events.push(stored);
  }
  if (events.length > 0) log.streams.set(command.stream, events);
  return {
    fingerprint: command.fingerprint,
    log: command.log,
    partition: command.partition,
    stream: command.stream,
    kind: command.kind as StoredAnswer["kind"],
    version: events.length,
    position: events.at(-1)?.position ?? 0,
    answer: JSON.parse(command.answer) as unknown,
  };
}

/** Everything that could fail fails here, before anything is written. */
function check(database: WriteDatabase, commands: readonly AppendCommand[]): void {
  const ids = new Set<string>();
  const partitions = new Map<string, number>();
  for (const { id, log, partition, stream, answer, events } of commands) {
    const stored = database.logs.get(log);
    if (stored?.partitions[partition] === undefined) throw new Error(`append: unknown log or partition (${log}, ${partition})`);
    if (ids.has(id)) throw new Error(`append: one command id twice in a call (${id})`);
    ids.add(id);
    const key = JSON.stringify([log, stream]);
    const known = partitions.get(key) ?? stored.streams.get(stream)?.[0]?.partition ?? partition;
    if (known !== partition) throw new Error(`append: stream '${stream}' came with another partition than it has`);
    partitions.set(key, known);
    for (const text of [answer, ...events.flatMap((event) => [event.data, event.metadata])]) JSON.parse(text);
  }
}

export const streamEvent = (event: StoredEvent): StreamEvent => ({
  version: event.version,
  type: event.type,
  schemaVersion: event.schemaVersion,
  data: JSON.parse(event.data) as unknown,
});
