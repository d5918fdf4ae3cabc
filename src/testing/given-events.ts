/** Puts what a test gives into a write store, as if it had been decided there: versions 1 to n of each stream. */
import { partitionOf, type TokenPart } from "../core/index.ts";
import type { EventStore, LogIdentity } from "../runtime/ports.ts";
import { loggedEvents, type StreamHistory } from "./history.ts";

/** @returns how far each written partition is. @throws Error for a stream given twice, and for events that are not its log's */
export async function appendGiven(
  store: EventStore,
  identities: ReadonlyMap<string, LogIdentity>,
  histories: readonly StreamHistory[],
): Promise<readonly TokenPart[]> {
  const parts: TokenPart[] = [];
  for (const events of loggedEvents(histories)) {
    const [first] = events;
    if (first === undefined) continue;
    const { log, stream } = first;
    const { logId, partitions } = identities.get(log)!;
    const partition = partitionOf(stream, partitions);
    const [outcome] = await store.append(store.laneOf(log, partition), [
      {
        id: first.id,
        fingerprint: "given",
        log,
        partition,
        stream,
        baseVersion: 0,
        expectedVersion: 0,
        ifMatch: false,
        kind: "events",
        answer: "null",
        events: events.map(({ id, type, schemaVersion, data, metadata }) => ({
          id,
          type,
          schemaVersion,
          data: JSON.stringify(data),
          metadata: JSON.stringify(metadata),
        })),
      },
    ]);
    if (outcome?.status !== "appended") throw new Error(`The stream '${stream}' of log '${log}' could not be given (${outcome?.status}).`);
    parts.push({ log, logId, partition, position: outcome.position });
  }
  return parts;
}
