import assert from "node:assert/strict";
import { test } from "node:test";
import { check } from "./checker.ts";
import type { ViolationKind } from "./history.ts";
import type { SmallHistory } from "./small-history.ts";
import { smallHistory } from "./small-history.ts";

const run = ({ history, stores }: SmallHistory) => check(history, stores);

test("a right history passes, and what it counts is right", () => {
  const report = run(smallHistory());
  assert.deepEqual(report.violations, []);
  assert.deepEqual(
    { ...report, violations: undefined },
    { violations: undefined, commands: 10, accepted: 9, rejected: 1, events: 9, repeated: 0, reads: 5, readsRefused: 1 },
  );
});

test("records that repeat a position are counted, not a fault", () => {
  const small = smallHistory();
  const first = small.stores.records.findIndex((r) => r.log === "orders" && r.position === 1);
  const records = small.stores.records.toSpliced(first + 1, 0, { ...small.stores.records[first]!, offset: 100 });
  const report = run({ ...small, stores: { ...small.stores, records } });
  assert.deepEqual([report.violations, report.repeated], [[], 1]);
});

/** The index of the event (and stored command, and record) of a key. */
const at = (small: SmallHistory, id: string) => small.stores.events.findIndex((e) => e.id === id);
const change = <T>(list: T[], index: number, fields: Partial<T>) => {
  list[index] = { ...list[index]!, ...fields };
};
const dropEvent = (small: SmallHistory, id: string) => {
  small.stores.events.splice(at(small, id), 1);
};

const faults: { readonly name: string; readonly kind: ViolationKind; readonly plant: (small: SmallHistory) => void }[] = [
  { name: "an acknowledged command without its event", kind: "lost", plant: (s) => dropEvent(s, "event-8") },
  { name: "a stored answer without events", kind: "lost", plant: (s) => dropEvent(s, "event-9") },
  {
    name: "an event that an acknowledged command does not carry",
    kind: "lost",
    plant: (s) => change(s.stores.events, at(s, "event-7"), { data: '{"method":"card ~k4~","amount":2500}' }),
  },
  {
    name: "two commands told that one event is theirs",
    kind: "lost",
    plant: (s) => {
      s.history.commands[5]!.answers[0] = s.history.commands[6]!.answers[0]!;
    },
  },
  {
    name: "an event without a stored answer",
    kind: "stored-answer",
    plant: (s) => {
      s.stores.commands.pop();
    },
  },
  { name: "a stored answer of another version", kind: "stored-answer", plant: (s) => change(s.stores.commands, 0, { version: 77 }) },
  {
    name: "a command id with two effects",
    kind: "doubled",
    plant: (s) => change(s.stores.events, at(s, "event-2"), { commandId: "command-1" }),
  },
  {
    name: "a command applied under two ids",
    kind: "doubled",
    plant: (s) =>
      change(s.stores.events, at(s, "event-5"), { data: s.stores.events[at(s, "event-1")]!.data.replace("[", "").replace("]", "") }),
  },
  { name: "one event id twice", kind: "doubled", plant: (s) => change(s.stores.events, at(s, "event-2"), { id: "event-1" }) },
  {
    name: "a rejected command with an effect",
    kind: "phantom",
    plant: (s) => {
      s.history.commands[0]!.answers.length = 0;
      s.history.commands[0]!.answers.push({ ...s.history.commands[9]!.answers[0]! });
    },
  },
  {
    name: "an event that nobody asked for",
    kind: "phantom",
    plant: (s) => change(s.stores.events, at(s, "event-9"), { data: '{"reason":"~nobody~"}' }),
  },
  {
    name: "a submission that nobody asked for",
    kind: "phantom",
    plant: (s) => {
      s.history.commands.splice(5, 1);
    },
  },
  {
    name: "an accepted command that a repeat rejects",
    kind: "answer",
    plant: (s) => {
      s.history.commands[0]!.answers[1] = s.history.commands[9]!.answers[0]!;
    },
  },
  {
    name: "a repeat with another token",
    kind: "answer",
    plant: (s) => change(s.history.commands[0]!.answers, 1, { token: s.history.commands[1]!.answers[0]!.token }),
  },
  { name: "a repeat that is not marked", kind: "answer", plant: (s) => change(s.history.commands[0]!.answers, 1, { replayed: false }) },
  {
    name: "a first answer that is marked as a repeat",
    kind: "answer",
    plant: (s) => change(s.history.commands[1]!.answers, 0, { replayed: true }),
  },
  {
    name: "an answer that no contract knows",
    kind: "answer",
    plant: (s) => change(s.history.commands[9]!.answers, 0, { status: 500, code: "INTERNAL" }),
  },
  {
    name: "a gap in the positions",
    kind: "positions",
    plant: (s) => change(s.stores.events, s.stores.events.length - 1, { position: 50 }),
  },
  { name: "a position twice", kind: "positions", plant: (s) => change(s.stores.events, s.stores.events.length - 1, { position: 1 }) },
  { name: "a head behind its events", kind: "heads", plant: (s) => change(s.stores.heads, 0, { position: 0 }) },
  { name: "a gap in a stream's versions", kind: "versions", plant: (s) => change(s.stores.events, at(s, "event-7"), { version: 9 }) },
  { name: "a version twice", kind: "versions", plant: (s) => change(s.stores.events, at(s, "event-7"), { version: 3 }) },
  {
    name: "positions that contradict the versions",
    kind: "order",
    plant: (s) => {
      const [a, b] = [at(s, "event-5"), at(s, "event-6")];
      const [first, second] = [s.stores.events[a]!.position, s.stores.events[b]!.position];
      change(s.stores.events, a, { position: second });
      change(s.stores.events, b, { position: first });
    },
  },
  {
    name: "a stream in two partitions",
    kind: "order",
    plant: (s) => change(s.stores.events, at(s, "event-7"), { partition: 1 - s.stores.events[at(s, "event-7")]!.partition }),
  },
  {
    name: "Kafka ends too early",
    kind: "copy",
    plant: (s) => {
      s.stores.records.pop();
    },
  },
  {
    name: "Kafka leaves out a position",
    kind: "copy",
    plant: (s) => {
      s.stores.records.splice(
        s.stores.records.findIndex((r) => r.position === 2),
        1,
      );
    },
  },
  {
    name: "Kafka has two positions the wrong way round",
    kind: "copy",
    plant: (s) => {
      const i = s.stores.records.findIndex((r) => r.position === 2);
      const [a, b] = [s.stores.records[i - 1]!, s.stores.records[i]!];
      s.stores.records.splice(i - 1, 2, b, a);
    },
  },
  { name: "Kafka has other bytes", kind: "copy", plant: (s) => change(s.stores.records, 0, { value: `${s.stores.records[0]!.value} ` }) },
  { name: "Kafka has another event", kind: "copy", plant: (s) => change(s.stores.records, 0, { id: "event-77" }) },
  {
    name: "Kafka has another history",
    kind: "copy",
    plant: (s) => change(s.stores.records, 0, { logId: "33333333-3333-4333-8333-333333333333" }),
  },
  {
    name: "a document older than the token",
    kind: "read",
    plant: (s) => change(s.history.reads, 1, { promised: [{ log: "orders", stream: "o-1", version: 2 }] }),
  },
  {
    name: "no document though the token promises one",
    kind: "read",
    plant: (s) => change(s.history.reads, 0, { status: 404, code: "OrderNotFound" }),
  },
  {
    name: "a customer's name older than the token",
    kind: "read",
    plant: (s) => change(s.history.reads, 1, { promised: [{ log: "customers", stream: "a", version: 1 }] }),
  },
  {
    name: "a customer older than the token",
    kind: "read",
    plant: (s) => change(s.history.reads, 2, { promised: [{ log: "customers", stream: "a", version: 3 }] }),
  },
  {
    name: "a name that the customer never had",
    kind: "read",
    plant: (s) => {
      (s.history.reads[0]!.body as { order: { customer: { name: string } } }).order.customer.name = "Nobody";
    },
  },
  {
    name: "a document that is no whole state",
    kind: "read",
    plant: (s) => {
      (s.history.reads[0]!.body as { order: { total: string } }).order.total = "12.50";
    },
  },
  {
    name: "a list without what the token promises",
    kind: "read",
    plant: (s) => {
      (s.history.reads[3]!.body as { items: unknown[] }).items.pop();
    },
  },
  {
    name: "a list in the wrong order",
    kind: "read",
    plant: (s) => {
      (s.history.reads[3]!.body as { items: unknown[] }).items.reverse();
    },
  },
  {
    name: "a list with an older document than the token promises",
    kind: "read",
    plant: (s) => change(s.history.reads, 3, { promised: [{ log: "orders", stream: "o-1", version: 5 }] }),
  },
  { name: "a fault of the server", kind: "read", plant: (s) => change(s.history.reads, 5, { status: 500, code: "INTERNAL" }) },
  {
    name: "a missing document",
    kind: "view",
    plant: (s) => {
      s.stores.documents.pop();
    },
  },
  {
    name: "a surplus document",
    kind: "view",
    plant: (s) => {
      s.stores.documents.push({ ...s.stores.documents[0]!, key: "o-77" });
    },
  },
  {
    name: "an event applied twice to a document",
    kind: "view",
    plant: (s) => {
      (s.stores.documents[0]!.document as { itemCount: number }).itemCount++;
    },
  },
  {
    name: "an old name in a document",
    kind: "view",
    plant: (s) => {
      (s.stores.documents[0]!.document as { customerName: string }).customerName = "Ann ~k4~";
    },
  },
  { name: "a document of another version", kind: "view", plant: (s) => change(s.stores.documents, 1, { version: 77 }) },
  { name: "a checkpoint before the end", kind: "checkpoint", plant: (s) => change(s.stores.checkpoints, 0, { position: 0 }) },
  {
    name: "a checkpoint with another event",
    kind: "checkpoint",
    plant: (s) =>
      change(
        s.stores.checkpoints,
        s.stores.checkpoints.findIndex((c) => c.position > 0),
        { eventId: "event-77" },
      ),
  },
  {
    name: "no checkpoint of a partition",
    kind: "checkpoint",
    plant: (s) => {
      s.stores.checkpoints.splice(
        s.stores.checkpoints.findIndex((c) => c.position > 0),
        1,
      );
    },
  },
];

for (const { name, kind, plant } of faults) {
  test(`finds: ${name}`, () => {
    const small = smallHistory();
    plant(small);
    const kinds = run(small).violations.map((v) => v.kind);
    assert.ok(kinds.includes(kind), `expected ${kind}, found ${JSON.stringify(kinds)}`);
  });
}
