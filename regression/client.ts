/** One client: sends a command until it is answered, reads with what it was promised, and writes both down. */
import { setTimeout as wait } from "node:timers/promises";
import type { Answer, CommandKind, CommandRecord, History, Promised, ReadRecord } from "./history.ts";
import { send } from "./http.ts";
import type { Random } from "./random.ts";

export interface Endpoint {
  readonly process: string;
  readonly url: string;
}

export interface Targets {
  readonly commands: readonly Endpoint[];
  readonly queries: readonly Endpoint[];
}

/** A write's token and what it promises. */
export interface Kept {
  readonly token: string;
  readonly promised: Promised;
}

export interface Client {
  readonly name: string;
  /** Repeats with the same key, on any of the command processes, until a final answer; null where `giveUp` aborted before one came. */
  command(
    kind: CommandKind,
    path: string,
    body: (key: string) => unknown,
  ): Promise<{ readonly record: CommandRecord; readonly kept: Kept | null } | null>;
  /** Sends a command that was answered once more. */
  repeat(record: CommandRecord): Promise<void>;
  /** Null where no answer came. */
  read(shape: ReadRecord["shape"], path: string, kept: readonly Kept[]): Promise<ReadRecord | null>;
}

export interface ClientOptions {
  readonly name: string;
  readonly random: Random;
  readonly targets: Targets;
  readonly history: History;
  readonly giveUp: AbortSignal;
}

/** Says nothing about the command: the same key has to be sent again. */
const undecided = (status: number | null, code: string | null) => status === null || status >= 500 || code === "COMMAND_IN_PROGRESS";

export function clientOf({ name, random, targets, history, giveUp }: ClientOptions): Client {
  let count = 0;

  async function attempt(record: CommandRecord): Promise<Answer | null> {
    const target = random.pick(targets.commands);
    const body = record.kind === "SubmitOrder" && random.chance(0.5) ? undefined : record.body;
    const reply = await send({ method: "POST", url: target.url + record.path, headers: { "idempotency-key": record.key }, body });
    if (undecided(reply.status, reply.code)) return null;
    const { code, token, replayed } = reply;
    return { process: target.process, status: reply.status!, code, body: reply.body, token, replayed };
  }

  async function untilAnswered(record: CommandRecord): Promise<Answer | null> {
    while (!giveUp.aborted) {
      const answer = await attempt(record);
      if (answer !== null) {
        record.answers.push(answer);
        return answer;
      }
      if (record.answers.length === 0) record.unknown++;
      await wait(20 + random.below(150));
    }
    return null;
  }

  return {
    name,
    async command(kind, path, body) {
      const key = `${name}-${++count}`;
      const record: CommandRecord = { client: name, key, kind, path, body: body(key), unknown: 0, answers: [] };
      history.commands.push(record);
      const answer = await untilAnswered(record);
      if (answer === null) return null;
      if (answer.status !== 202 || answer.token === null) return { record, kept: null };
      const told = answer.body as { orderId?: string; customerId?: string; version: number };
      const promised: Promised =
        told.orderId === undefined
          ? { log: "customers", stream: told.customerId ?? "", version: told.version }
          : { log: "orders", stream: told.orderId, version: told.version };
      return { record, kept: { token: answer.token, promised } };
    },
    async repeat(record) {
      await untilAnswered(record);
    },
    async read(shape, path, kept) {
      const target = random.pick(targets.queries);
      // some wait through a takeover, most go on with their work
      const headers =
        kept.length === 0
          ? {}
          : { "consistency-token": kept.map((k) => k.token).join(","), "prefer": `wait=${random.pick([0, 1, 1, 2, 10])}` };
      const reply = await send({ method: "GET", url: target.url + path, headers });
      if (reply.status === null) return null;
      const record: ReadRecord = {
        client: name,
        process: target.process,
        shape,
        path,
        status: reply.status,
        code: reply.code,
        body: reply.body,
        promised: kept.map((k) => k.promised),
      };
      history.reads.push(record);
      return record;
    },
  };
}
