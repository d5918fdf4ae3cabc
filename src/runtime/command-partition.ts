/**
 * The commands of one partition of one topic, decided in their order. A batch is appended together with the position after it, compare-and-set: another
 * owner, an older one too, writes nothing. Whatever fails on the way, the stored position is read again and the commands behind it are handled once more;
 * those that were stored meanwhile are repeats of their own ids (I6).
 */
import { isTidemarkError, TidemarkError } from "../errors.ts";
import { type BatchParts, handleBatch } from "./command-batch.ts";
import { type CommandEntry, cutOf, entryOf, type EntryParts, isOpen, mayPass, refusalOf, toDecide } from "./command-entries.ts";
import type { Job } from "./command-job.ts";
import type { CommandLedger, CommandPosition, CommandRecord, CommandTopic } from "./command-ports.ts";
import { commandReplies } from "./command-replies.ts";
import type { Logger } from "./ports.ts";
import { pause } from "./wake.ts";

export interface CommandPartitionOptions extends EntryParts {
  readonly partition: number;
  readonly topic: CommandTopic;
  readonly ledger: CommandLedger;
  readonly batch: Omit<BatchParts, "store">;
  readonly logger: Logger;
  /** Commands in one append. */
  readonly maxBatch: number;
  /** After each commit, with the ids of commands that have their outcomes now; undefined: any may have got one unnoticed. */
  readonly onSettled: (ids: readonly string[] | undefined) => void;
}

export interface CommandPartitionState {
  readonly partition: number;
  /** starting: it reads where it is; diverged: it stands still, for an operator to look at. */
  readonly state: "starting" | "running" | "retrying" | "diverged";
  /** The offset of the next command to be decided; null before it is known. */
  readonly position: number | null;
  readonly problem: string | null;
}

export interface CommandPartition {
  state(): CommandPartitionState;
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>;
}

const firstPauseMs = 50;
const longestPauseMs = 5_000;

class Moved extends Error {}

export function commandPartition(options: CommandPartitionOptions): CommandPartition {
  const { partition, topic, ledger, logger } = options;
  const { log } = topic;
  const stopping = new AbortController();
  let state: CommandPartitionState["state"] = "starting";
  let problem: string | null = null;
  let position: CommandPosition | null = null;

  const diverged = (what: string) => new TidemarkError("LOG_DIVERGED", { log, partition, problem: what });

  /** Where to go on from. */
  async function begin(): Promise<CommandPosition> {
    const bounds = (await topic.bounds())[partition];
    if (bounds === undefined) throw diverged(`its topic of commands has no partition ${partition}`);
    const stored = await ledger.position(log, partition, topic.topicId, bounds.start);
    if (stored.topicId !== topic.topicId)
      throw diverged(
        `its topic of commands is ${topic.topicId}, and the position is one of topic ${stored.topicId}: it was deleted and made again`,
      );
    if (stored.next < bounds.start)
      throw diverged(`commands from offset ${stored.next} to ${bounds.start - 1} of partition ${partition} were deleted undecided`);
    if (stored.next > bounds.end)
      throw diverged(
        `partition ${partition} of its topic of commands ends at offset ${bounds.end}, and commands up to ${stored.next} were decided`,
      );
    return stored;
  }

  async function serve(): Promise<void> {
    const started = await begin();
    position = started;
    options.onSettled(undefined);
    const replies = commandReplies({ ...options, from: started });
    try {
      await replies.sendAgain(started, stopping.signal);
      state = "running";
      problem = null;
      const interrupted = AbortSignal.any([stopping.signal, replies.failed]);
      while (!stopping.signal.aborted) {
        replies.failed.throwIfAborted();
        const { records, next } = await topic.next(partition, position.next, interrupted);
        for (let at = 0; position.next < next && !stopping.signal.aborted; at += options.maxBatch)
          await settleBatch(records.slice(at, at + options.maxBatch), records[at + options.maxBatch]?.offset ?? next, replies);
      }
    } finally {
      await replies.close();
    }
  }

  /** `end`: the position after it. Without records nothing but holes stands before it, and it must be stored too: retention may take holes as well. */
  async function settleBatch(records: readonly CommandRecord[], end: number, replies: ReturnType<typeof commandReplies>): Promise<void> {
    let entries = records.map((record) => entryOf(record, options));
    while (position!.next < end) {
      try {
        await decideOnce(entries, end, replies);
      } finally {
        // also those that were stored before what failed
        const settled = entries.filter(({ record }) => record.offset < position!.next);
        entries = entries.slice(settled.length);
        if (settled.length > 0) {
          options.onSettled(settled.map(({ head }) => head.id));
          replies.send(settled, position!.next);
        }
      }
    }
  }

  /** One round: all that is open is decided on each other's results and stored. @throws where the stored position must be looked at first */
  async function decideOnce(entries: readonly CommandEntry[], end: number, replies: { readonly sentTo: number }): Promise<void> {
    const append: BatchParts["store"]["append"] = async (_lane, commands) => {
      const cut = cutOf(
        entries.filter(({ record }) => record.offset >= position!.next),
        commands,
        { ...position!, replied: replies.sentTo },
        end,
      );
      const done = await ledger.append(commands, cut);
      if (done === null)
        throw new TidemarkError("UNAVAILABLE", { what: `The commands of log '${log}', partition ${partition}` }, { cause: new Moved() });
      position = { ...position!, next: done.next };
      return done.outcomes;
    };
    const parts: BatchParts = {
      ...options.batch,
      store: {
        append,
        get epoch() {
          return ledger.epoch;
        },
      },
    };
    const failures: unknown[] = [];
    const byId = Map.groupBy(entries.filter(isOpen), ({ head }) => head.id);
    const jobs = toDecide(entries).map((entry): Job => ({
      ...entry.checked,
      lane: 0,
      attempts: 0,
      resolve(outcome) {
        for (const each of byId.get(entry.head.id) ?? [])
          if (isOpen(each) && each.checked?.fingerprint === entry.checked.fingerprint)
            each.outcome = each === entry ? outcome : { ...outcome, replayed: true };
      },
      reject(error) {
        if (mayPass(error)) failures.push(error);
        else entry.refusal = refusalOf(error, options.form);
      },
    }));
    if (jobs.length === 0) await append(0, []);
    for (let open: readonly Job[] = jobs; open.length > 0 && failures.length === 0;) open = await handleBatch(0, open, parts);
    for (const failure of failures) throw failure as Error;
  }

  async function run(): Promise<void> {
    for (let pauseMs = firstPauseMs; !stopping.signal.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        await serve();
      } catch (error) {
        if (stopping.signal.aborted) return;
        problem = error instanceof Error ? error.message : String(error);
        if (isTidemarkError(error, "LOG_DIVERGED")) {
          state = "diverged";
          logger.error("the commands of a partition stand still", { log, partition, problem });
          return;
        }
        if (state === "running") pauseMs = firstPauseMs;
        const moved = isTidemarkError(error) && error.cause instanceof Moved;
        // another one took the partition over, or does so now: it is asked again who is where
        logger[moved ? "info" : "warn"](
          moved ? "the position of a partition's commands was moved by another" : "a partition's commands wait",
          {
            log,
            partition,
            problem,
          },
        );
        state = "retrying";
        await pause(pauseMs, stopping.signal);
      }
    }
  }
  const running = run();

  return {
    state: () => ({ partition, state, position: position?.next ?? null, problem }),
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
