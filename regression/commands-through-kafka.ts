/**
 * `node --conditions=source regression/commands-through-kafka.ts [--commands 20000] [--kills 20] [--seed n] [--keep-logs]`
 * Commands of a stranger's producer through `orders-commands`, with repeats and malformed ones, while the processors are killed with SIGKILL again and again.
 * Every valid command has exactly one outcome, the same for all its repeats; every malformed one is answered and parked; then the history checker.
 * Exit code 1 at any violation.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Admin, Producer, stringSerializers } from "@platformatic/kafka";
import { freePort } from "../scripts/services/free-port.ts";
import { partitionOf } from "../src/core/partition.ts";
import { kafka, postgres } from "../test/services.ts";
import { checkCommands, mark } from "./check-commands.ts";
import { checkLog } from "./check-log.ts";
import { dumpReplies } from "./dump-replies.ts";
import { dumpWriteStore } from "./dump-stores.ts";
import type { Answer, CommandKind, CommandRecord, Violation } from "./history.ts";
import { say, seconds } from "./output.ts";
import { programOf } from "./program.ts";
import { randomOf } from "./random.ts";
import { useSchemaOf, withSql } from "./sql.ts";

const { values } = parseArgs({
  options: {
    "commands": { type: "string", default: "20000" },
    "kills": { type: "string", default: "20" },
    "seed": { type: "string", default: String(Date.now() % 1_000_000) },
    "keep-logs": { type: "boolean", default: false },
  },
});
const [total, kills, seed] = [Number(values.commands), Number(values.kills), Number(values.seed)];
const partitions = 6;
const random = randomOf(seed);
const started = performance.now();
const dir = mkdtempSync(join(tmpdir(), "tidemark-commands-"));
const name = `cmd_${seed}_${process.pid}`;
const [{ brokers }, server] = [await kafka(), await postgres()];
const database = await server.createDatabase(`${name}_write`);
const prefix = `${name}_`;
const processors = await Promise.all(
  [1, 2].map(async (i) =>
    programOf({
      name: `processor-${i}`,
      port: await freePort(),
      dir,
      env: {
        TIDEMARK_ROLES: "processor",
        DATABASE_URL: database.url,
        KAFKA_BROKERS: brokers.join(","),
        TIDEMARK_PREFIX: prefix,
        TIDEMARK_PARTITIONS: String(partitions),
      },
    }),
  ),
);
const producer = new Producer({ clientId: "stranger", bootstrapBrokers: [...brokers], serializers: stringSerializers });
say(`commands through Kafka: seed ${seed}, ${total} commands, ${kills} kills, logs in ${dir}`);
for (const each of processors) each.start();
await Promise.all(processors.map((each) => each.ready()));

interface Sent {
  readonly record: CommandRecord | null;
  readonly id: string;
  readonly stream: string;
  readonly type: string;
  readonly value: string;
}

const all: Sent[] = [];
const streams: string[] = [];
let records = 0;

/** A new command, a repeat of one that was sent, or one that is none. */
function next(): Sent {
  const id = `k-${all.length}`;
  if (all.length > 0 && random.chance(0.12)) return random.chance(0.5) ? random.pick(all.slice(-200)) : random.pick(all);
  if (random.chance(0.03)) {
    const broken = random.pick([
      { type: "AddItem", value: "{" },
      { type: "Explode", value: "{}" },
      { type: "CancelOrder", value: `{"why":"no"}` },
    ]);
    return keep({ record: null, id, stream: `o-${random.below(1_000)}`, ...broken });
  }
  const creates = streams.length === 0 || random.chance(0.3);
  const stream = creates ? `o-${seed}-${streams.length}` : random.pick(streams.slice(-300));
  if (creates) streams.push(stream);
  const item = { productId: "p-1", name: `Tea ${mark(id)}`, quantity: 1 + random.below(5), unitPrice: "1.50" };
  const kind: CommandKind = creates ? "CreateOrder" : random.pick(["AddItem", "AddItem", "AddItem", "SubmitOrder", "CancelOrder"] as const);
  const body =
    kind === "CreateOrder"
      ? { customerId: "c-1", items: [item] }
      : kind === "AddItem"
        ? item
        : kind === "CancelOrder"
          ? { reason: `no ${mark(id)}` }
          : {};
  const record: CommandRecord = {
    client: "stranger",
    key: id,
    kind,
    path: creates ? "/orders" : `/orders/${stream}`,
    body,
    unknown: 1,
    answers: [],
  };
  return keep({ record, id, stream, type: kind, value: JSON.stringify(body) });
}

function keep(sent: Sent): Sent {
  all.push(sent);
  return sent;
}

async function send(count: number): Promise<void> {
  for (let left = count; left > 0; left -= 500) {
    const batch = Array.from({ length: Math.min(left, 500) }, next);
    records += batch.length;
    await producer.send({
      acks: -1,
      messages: batch.map(({ id, stream, type, value }) => ({
        topic: `${prefix}orders-commands`,
        partition: partitionOf(stream, partitions),
        key: stream,
        value,
        headers: { "ce_type": type, "tidemark-command-id": id, "tidemark-reply": "true" },
      })),
    });
  }
}

const place = { url: database.url };
const decided = (): Promise<number> =>
  withSql(place, async (sql) => {
    await useSchemaOf(sql, "command_positions");
    const rows = await sql.rows<{ sum: number }>(
      "select coalesce(sum(next_offset), 0)::int as sum from command_positions where log = 'orders'",
    );
    return rows[0]!.sum;
  });

let before = await decided();
for (let kill = 1; kill <= kills; kill++) {
  await send(Math.ceil(total / (kills + 1)));
  const deadline = performance.now() + 60_000;
  while ((await decided()) === before && performance.now() < deadline) await wait(20);
  await wait(random.below(60));
  const victim = random.pick(processors);
  await victim.kill();
  before = await decided();
  say(`kill ${kill}: ${victim.name} at ${before} of ${records}`);
  victim.start();
  if (random.chance(0.5)) await victim.ready();
}
await send(total - Math.ceil(total / (kills + 1)) * kills);
const violations: Violation[] = [];
for (let last = -1, since = performance.now(), now = 0; (now = await decided()) < records;) {
  if (now !== last) since = performance.now();
  last = now;
  if (performance.now() - since > 60_000) {
    violations.push({ kind: "catch-up", text: `${records - now} commands have no outcome, and nothing has moved for 60 s` });
    break;
  }
  await wait(200);
}
await Promise.all(processors.map((each) => each.ready().then(() => each.stop("SIGTERM"))));

const replies = await dumpReplies(brokers, `${prefix}orders-replies`);
const stores = await dumpWriteStore(place);
const parked = await withSql(place, async (sql) => {
  await useSchemaOf(sql, "parked_commands");
  return sql.rows<{ command_id: string }>("select command_id from parked_commands");
});
const byId = Map.groupBy(replies, ({ commandId }) => commandId);
const parkedIds = new Set(parked.map((row) => row.command_id));
for (const { record, id, type } of all) {
  const own = byId.get(id) ?? [];
  if (own.length === 0) violations.push({ kind: "lost", text: `${type} ${id} was never answered` });
  if (record !== null)
    record.answers.push(
      ...own.map(({ answer, token }, i): Answer => ({
        process: "reply",
        status: answer.status,
        code: answer.code,
        body: answer.body,
        token,
        replayed: i > 0,
      })),
    );
  else if (own.some(({ answer }) => answer.status < 400) || !parkedIds.has(id))
    violations.push({ kind: "answer", text: `the malformed ${type} ${id} was not refused and parked` });
}
const outcomes = new Set(stores.commands.map(({ commandId }) => commandId));
for (const { record, id } of all) {
  if ((record !== null) !== outcomes.has(id))
    violations.push({ kind: "stored-answer", text: `${id}: ${record === null ? "an" : "no"} outcome is stored` });
}
violations.push(...checkLog({ ...stores, records: null, checkpoints: [], documents: [] }));
violations.push(
  ...checkCommands(
    all.flatMap(({ record }) => (record === null ? [] : [record])),
    stores.events,
  ),
);
for (const each of processors) for (const text of each.surprises) violations.push({ kind: "process", text });

const accepted = all.filter(({ record }) => record?.answers[0]?.status === 202).length;
say(
  [
    `${records} records`,
    `${all.length} commands`,
    `${accepted} accepted`,
    `${all.filter(({ record }) => record !== null).length - accepted} rejected`,
    `${all.filter(({ record }) => record === null).length} malformed, ${parkedIds.size} parked`,
    `${stores.events.length} events`,
    `${replies.length} replies`,
    `${kills} kills`,
    `${violations.length} violations`,
    seconds(performance.now() - started),
  ].join(" · "),
);
for (const { kind, text } of violations.slice(0, 20)) say(`${kind}: ${text}`);
await producer.close();
await database.drop();
const admin = new Admin({ clientId: "regression", bootstrapBrokers: [...brokers] });
await admin.deleteTopics({
  topics: ["orders", "customers"].flatMap((log) => [`${prefix}${log}-commands`, `${prefix}${log}-replies`]),
});
await admin.close();
if (violations.length === 0 && !values["keep-logs"]) rmSync(dir, { recursive: true, force: true });
process.exit(violations.length === 0 ? 0 : 1);
