import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoredEvent } from "../runtime/ports.ts";
import { unpack } from "./packed-events.ts";

/** As the statement makes it. */
const pack = (events: readonly StoredEvent[]) =>
  events
    .map((e) =>
      [
        e.position,
        e.version,
        e.schemaVersion,
        ...[e.type, e.stream, e.commandId].map((text) => Array.from(text).length),
        `${e.id}${e.type}${e.stream}${e.commandId}${e.metadata}`,
        e.data,
      ].join("\x1f"),
    )
    .join("\x1e");

const event = (position: number, parts: Partial<StoredEvent> = {}): StoredEvent => ({
  log: "orders",
  partition: 3,
  position,
  stream: `s-${position}`,
  version: 1,
  type: "Added",
  schemaVersion: 2,
  id: `00000000-0000-4000-8000-${String(position).padStart(12, "0")}`,
  commandId: `c-${position}`,
  data: '{"n":1}',
  metadata: "{}",
  ...parts,
});

test("events come out as they went in", () => {
  const events = [event(9), event(10), event(123_456_789_012, { data: '"ä€😀"', metadata: '{"actor":"Ünal"}' })];
  assert.deepEqual(unpack("orders", 3, pack(events)), events);
  assert.deepEqual(unpack("orders", 3, ""), []);
});

test("texts of users cannot pass for anything else, whatever they hold", () => {
  const forged = pack([event(7)]);
  const texts = ["", "\x1f", "\x1e", `x\x1f{}\x1f{}\x1e${forged}`, "äöü\x1f", "€\x1e1", "😀\x1f😀", `😀${forged}`, "1\x1f2"];
  const events = texts.flatMap((text, i) => [
    event(3 * i + 1, { stream: text }),
    event(3 * i + 2, { type: text }),
    event(3 * i + 3, { commandId: text, stream: `${text}${text}` }),
  ]);
  assert.deepEqual(unpack("orders", 3, pack(events)), events);
});

test("a text that is none of ours is refused", () => {
  assert.throws(() => unpack("orders", 0, "hello"), /no number at 0/);
  assert.throws(() => unpack("orders", 0, "12"), /no number at 2/);
});
