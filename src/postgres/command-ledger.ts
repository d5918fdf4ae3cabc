/** How far commands are decided, what was refused, and the append that moves both: one statement, so one transaction and one round trip. */
import { TidemarkError } from "../errors.ts";
import type { CommandLedger, CommandPosition, Cut, KnownCommand } from "../runtime/command-ports.ts";
import type { AppendCommand, StoredAnswer } from "../runtime/ports.ts";
import { appendCall, appendOutcomes } from "./append-call.ts";
import type { AppendRow } from "./append-call.ts";
import { sqlState } from "./sql-errors.ts";
import type { Connection, Database, Statement } from "./sql.ts";

export interface CommandLedgerOptions {
  /** Connections that appends share, by partition; 4 unless given, 1 on PGlite. */
  readonly connections?: number;
  /** After which a database that has not answered counts as lost, in milliseconds; 30,000 unless given. */
  readonly answerTimeoutMs?: number;
}

/** The claim's refusal: somebody else moved the position, or it is of another topic. */
const movedState = "TM001";
const kinds: Readonly<Record<string, StoredAnswer["kind"]>> = { e: "events", r: "rejection", n: "none" };

interface PositionRow {
  readonly log: string;
  readonly partition: number;
  readonly topic_id: string;
  readonly next_offset: string | number;
  readonly replied_offset: string | number;
}

const toPosition = (row: PositionRow): CommandPosition => ({
  log: row.log,
  partition: row.partition,
  topicId: row.topic_id,
  next: Number(row.next_offset),
  replied: Number(row.replied_offset),
});

/** The tables must be there: `migrateWriteStore`. Closing it leaves the database open. */
export function commandLedger(database: Database, options: CommandLedgerOptions = {}): CommandLedger {
  const { answerTimeoutMs = 30_000 } = options;
  const count = database.engine === "pglite" ? 1 : Math.max(1, options.connections ?? 4);
  const connections = new Map<number, Promise<Connection & { close(): Promise<void> }>>();
  let closed = false;

  async function connectionOf(partition: number): Promise<Connection> {
    const index = partition % count;
    const known = connections.get(index);
    const usable = await known?.then((each) => !each.lost.aborted).catch(() => false);
    if (usable !== true && connections.get(index) === known) connections.set(index, database.dedicated());
    return connections.get(index)!;
  }
  const query = <R>(statement: Statement) => database.query<R>({ ...statement, answerTimeoutMs });

  return {
    get epoch() {
      return database.epoch;
    },

    async position(log, partition, topicId, start) {
      await query({
        // the first topic of a partition is taken as it is; another one after it is the caller's to refuse
        text: `insert into command_positions (log, partition, topic_id, next_offset, replied_offset)
          select $1::text, $2::int, $3::text, $4::bigint, $4::bigint
           where $3 like 'table:%' or not exists (select from command_positions where log = $1 and partition = $2 and topic_id not like 'table:%')
          on conflict do nothing`,
        values: [log, partition, topicId, start],
      });
      const { rows } = await query<PositionRow>({
        text: `select * from command_positions where log = $1 and partition = $2 and (topic_id = $3 or topic_id not like 'table:%')
          order by topic_id = $3 desc limit 1`,
        values: [log, partition, topicId],
      });
      return toPosition(rows[0]!);
    },

    async positions(logs) {
      const { rows } = await query<PositionRow>({
        name: "tidemark_command_positions",
        text: "select * from command_positions where log = any($1::text[]) order by log, partition",
        values: [database.array("text", logs)],
      });
      return rows.map(toPosition);
    },

    async append(commands, cut) {
      if (closed) throw new TidemarkError("CLOSED", { what: "The write store" });
      const connection = await connectionOf(cut.partition);
      const call = commands.length === 0 ? null : appendCall(database, commands);
      const statement = call === null ? settleAlone(database, cut) : around(database, call.statement, commands, cut);
      try {
        const { rows } = await connection.query<AppendRow & { readonly next: string | number }>({ ...statement, answerTimeoutMs });
        const outcomes = call === null ? [] : appendOutcomes(call, commands, rows[0]!);
        return { outcomes, next: Number(rows[0]!.next) };
      } catch (error) {
        if (sqlState(error) === movedState) return null;
        throw error;
      }
    },

    async known(ids) {
      const { rows } = await query<{ id: string; known: KnownCommand }>({
        name: "tidemark_commands_known",
        text: `select u.id, coalesce(d.known, p.known) as known from unnest($1::text[]) u(id)
          left join lateral (select json_build_object('kind', 'decided', 'answer', json_build_object('fingerprint', k.fingerprint, 'log', k.log,
              'partition', k.partition, 'stream', k.stream, 'kind', k.kind, 'version', k.version, 'position', k.position, 'answer', k.answer)) as known
              from commands k where k.command_id = u.id) d on true
          left join lateral (select json_build_object('kind', 'parked', 'log', c.log, 'offset', c.record_offset, 'code', c.code, 'answer', c.answer) as known
              from parked_commands c where c.command_id = u.id order by c.parked_at desc limit 1) p on true
          where coalesce(d.known, p.known) is not null`,
        values: [database.array("text", ids)],
      });
      return new Map(rows.map(({ id, known }) => [id, decoded(known)]));
    },

    async parked(log, topicId, partition, from, to) {
      const { rows } = await query<{ record_offset: string | number; known: KnownCommand }>({
        text: `select record_offset, json_build_object('kind', 'parked', 'log', log, 'offset', record_offset, 'code', code, 'answer', answer) as known from parked_commands
          where log = $1 and topic_id = $2 and partition = $3 and record_offset >= $4 and record_offset < $5`,
        values: [log, topicId, partition, from, to],
      });
      return new Map(rows.map((row) => [Number(row.record_offset), row.known]));
    },

    async close() {
      closed = true;
      const open = await Promise.allSettled(connections.values());
      connections.clear();
      await Promise.all(open.flatMap((each) => (each.status === "fulfilled" ? [each.value.close()] : [])));
    },
  };
}

/** The kind is a letter in the database. */
const decoded = (known: KnownCommand): KnownCommand =>
  known.kind === "parked" ? known : { kind: "decided", answer: { ...known.answer, kind: kinds[known.answer.kind]! } };

const claimTypes = ["text", "int", "text", "bigint"] as const;
const settleTypes = ["bigint", "bigint", "int[]", "bigint[]", "text[]", "bigint[]", "text[]", "text[]", "text[]", "text[]"] as const;

/** Log, partition, topic id, position; then what settling needs beside log and partition. */
function cutValues(database: Database, commands: readonly AppendCommand[], cut: Cut): unknown[] {
  const { parked } = cut;
  // a refusal that is not stored is no outcome
  const outcomes = cut.records.map(({ outcome }) =>
    outcome === "known" ? 0 : outcome === "open" || commands[outcome]?.kind === "check" ? -1 : outcome + 1,
  );
  const open = outcomes.indexOf(-1);
  const all = open < 0 ? cut.to : open === 0 ? cut.from : cut.records[open - 1]!.next;
  return [
    cut.log,
    cut.partition,
    cut.topicId,
    cut.from,
    cut.replied,
    all,
    database.array("int4", outcomes),
    database.array(
      "int8",
      cut.records.map(({ next }) => next),
    ),
    database.array(
      "text",
      commands.map(({ fingerprint }) => fingerprint),
    ),
    database.array(
      "int8",
      parked.map(({ offset }) => offset),
    ),
    ...(["commandId", "code"] as const).map((member) =>
      database.array(
        "text",
        parked.map((each) => each[member]),
      ),
    ),
    database.array(
      "text",
      parked.map(({ answer }) => JSON.stringify(answer)),
    ),
    database.array(
      "text",
      parked.map(({ record }) => record),
    ),
  ];
}

function placeholders(after: number) {
  const all = [...claimTypes, ...settleTypes].map((type, i) => `$${after + i + 1}::${type}`);
  return { claim: all.slice(0, claimTypes.length).join(", "), settle: all.join(", ") };
}

const texts = new Map<string, string>();

/** The append's own statement, its first argument claimed, its answer settled. */
function around(database: Database, append: Statement, commands: readonly AppendCommand[], cut: Cut): Statement {
  const values = append.values ?? [];
  let text = texts.get(append.text);
  if (text === undefined) {
    const { claim, settle } = placeholders(values.length);
    const claimed = append.text.replace(/\$1::([a-z0-9_]+(?:\[\])?)/, (whole) => `tidemark_commands_claim(${whole}, ${claim})`);
    if (claimed === append.text) throw new Error("the append's statement has no first argument to claim by");
    text = `select s.appended as row, s.reached as next from (${claimed}) a, lateral tidemark_commands_settle(a.row, ${settle}) s`;
    texts.set(append.text, text);
  }
  return { name: `${append.name ?? "append"}_at`, text, values: [...values, ...cutValues(database, commands, cut)] };
}

/** Where there is nothing to append. */
function settleAlone(database: Database, cut: Cut): Statement {
  const { claim, settle } = placeholders(0);
  return {
    name: "tidemark_commands_settle",
    text: `select s.appended as row, s.reached as next from (select tidemark_commands_claim('{}'::text, ${claim})::json as row) a, lateral tidemark_commands_settle(a.row, ${settle}) s`,
    values: cutValues(database, [], cut),
  };
}
