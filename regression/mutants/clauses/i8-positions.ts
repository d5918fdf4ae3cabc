/** I8: positions, and what is at them, do not depend on the transport. */
import type { Mutant } from "../mutant.ts";

const tests = [{ file: "src/kafka/same-event.test.ts" }];

export const samePositions: readonly Mutant[] = [
  {
    name: "metadata-lost",
    clause: "I8",
    takes: "a record carries all metadata",
    file: "src/kafka/record-writing.ts",
    find: "if (rest !== undefined) headers.push(",
    replace: "if (false) headers.push(",
    tests,
  },
  {
    name: "position-by-offset",
    clause: "I8",
    takes: "a record's position is its event's, not its offset",
    file: "src/kafka/record-reading.ts",
    find: "this.position = position;",
    replace: "this.position = record.offset + 1;",
    tests,
  },
  {
    name: "version-of-record",
    clause: "I8",
    takes: "a record carries the stream's version",
    file: "src/kafka/record-writing.ts",
    find: "String(event.version)",
    replace: "String(event.position)",
    tests,
  },
  {
    name: "time-of-table",
    clause: "I8",
    takes: "events of the table have the time of their metadata",
    file: "src/runtime/log-event.ts",
    find: "time: metadata.time,",
    replace: "time: new Date().toISOString(),",
    tests,
  },
  {
    name: "cursor-log-id",
    clause: "I8",
    takes: "a cursor of one transport goes on in the other",
    file: "src/runtime/events-transport.ts",
    find: "eventId: last.id, logId, hint: null",
    replace: "eventId: last.id, logId: log, hint: null",
    tests: [{ file: "src/runtime/events-transport.test.ts", pattern: "from the other's cursor too" }],
  },
];
