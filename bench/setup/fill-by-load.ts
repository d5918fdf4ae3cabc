/** A view filled from events in memory by the bulk load of a rebuild. */
import assert from "node:assert/strict";
import type { LogEvent } from "../../src/core/message.ts";
import { bulkLoad } from "../../src/runtime/bulk-load.ts";
import type { Checkpoint, LogReader, ViewProjection } from "../../src/runtime/ports.ts";
import { quiet } from "../quiet.ts";

type Log = readonly (readonly LogEvent[])[];

/** Up to its end, with the limits of every rebuild. `checkpoints`: one for each partition of `log`, at its beginning. */
export async function fillByLoad(projection: ViewProjection, checkpoints: readonly Checkpoint[], log: Log): Promise<void> {
  const targets = log.map((events) => events.length);
  let stored = 0;
  await bulkLoad({
    projection,
    log: checkpoints[0]!.log,
    reader: readerOf(log),
    logger: quiet,
    stop: new AbortController().signal,
    checkpoints,
    targets,
    onStored: ({ partition, position }) => void (stored += position === targets[partition] ? 1 : 0),
  });
  assert.equal(stored, log.length, "every partition is loaded to its end");
}

const readerOf = (log: Log): LogReader => ({
  fetch: (cursors, { maxEvents }) =>
    Promise.resolve(
      cursors.flatMap((cursor) => {
        const events = log[cursor.partition]!.slice(cursor.position, cursor.position + maxEvents);
        const last = events.at(-1);
        const { partition } = cursor;
        return last === undefined
          ? []
          : [{ partition, events, next: { ...cursor, position: last.position, eventId: last.id, logId: "bench" } }];
      }),
    ),
  close: () => Promise.resolve(),
});
