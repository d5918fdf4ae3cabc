/**
 * The parts of a piece of work, shared among processes by advisory locks of two numbers: the name's hash and the part, exclusive; membership is
 * one more number, shared. A convenience: correctness never depends on it (I2, I3).
 */
import { shareStep, type Member } from "../runtime/fair-share.ts";
import type { EventStore, Share } from "../runtime/ports.ts";
import { wake } from "../runtime/wake.ts";
import { onOwnSession } from "./own-session.ts";
import { askAgainMs, type WithOwnership } from "./ownership.ts";
import type { Connection, Database } from "./sql.ts";

/** As an object id it is the greatest there is: no part. */
const membership = -1;
/** A server that takes longer to say who is there counts as lost. */
const answerTimeoutMs = 30_000;
const key = "hashtext(current_schema() || '.share.' || $1)";

/** On PGlite, which has one process, the first that asks has all. */
export function sharedOwnership(database: Database, alone: WithOwnership): EventStore["shareOwnership"] {
  if (database.engine === "pglite")
    return (name, count, stop, run) =>
      alone(`share ${name}`, stop, (lost) =>
        run({ parts: all(count), leaving: [], lost, onChange: () => undefined, release: () => undefined }),
      );
  return (name, count, stop, run) =>
    onOwnSession(database, stop, async (connection, begun) => {
      await connection.query({ text: `select pg_advisory_lock_shared(${key}, ${membership})`, values: [name], answerTimeoutMs });
      const ended = new AbortController();
      const lost = AbortSignal.any([connection.lost, stop, ended.signal]);
      const { share, keep } = member(database, connection, { name, count, lost });
      const keeping = keep().catch((error: unknown) => {
        ended.abort();
        throw error;
      });
      begun();
      const running = run(share).finally(() => ended.abort());
      const [first, second] = await Promise.allSettled([keeping, running]);
      if (first.status === "rejected") throw first.reason;
      if (second.status === "rejected") throw second.reason;
    });
}

interface Work {
  readonly name: string;
  readonly count: number;
  readonly lost: AbortSignal;
}

function member(database: Database, connection: Connection, { name, count, lost }: Work) {
  const parts = new Set<number>();
  const leaving = new Set<number>();
  const released: number[] = [];
  const kick = wake();
  let changed = (): void => undefined;

  const locks = async (call: "pg_try_advisory_lock" | "pg_advisory_unlock", wanted: readonly number[]): Promise<readonly number[]> => {
    const { rows } = await connection.query<{ part: number; done: boolean }>({
      text: `select u.part, ${call}(${key}, u.part) as done from unnest($2::int[]) u(part)`,
      values: [name, database.array("int4", wanted)],
      answerTimeoutMs,
    });
    return rows.filter(({ done }) => done).map(({ part }) => part);
  };
  const step = async (): Promise<void> => {
    if (released.length > 0) {
      const free = released.splice(0);
      await locks("pg_advisory_unlock", free);
    }
    const { me, members } = await whoIsThere(connection, name);
    const { giveBack, take } = shareStep(count, members, me);
    // what is on its way out already counts towards what has to go
    const out = giveBack.filter((part) => parts.has(part)).slice(0, Math.max(0, giveBack.length - leaving.size - released.length));
    for (const part of out) {
      parts.delete(part);
      leaving.add(part);
    }
    const taken = take.length === 0 ? [] : await locks("pg_try_advisory_lock", take);
    for (const part of taken) parts.add(part);
    if (out.length + taken.length > 0) changed();
  };

  const share: Share = {
    get parts() {
      return [...parts].sort((a, b) => a - b);
    },
    get leaving() {
      return [...leaving].sort((a, b) => a - b);
    },
    lost,
    onChange: (callback) => void (changed = callback),
    release(part) {
      if (!leaving.delete(part)) return;
      released.push(part);
      kick.signal();
    },
  };
  const keep = async (): Promise<void> => {
    while (!lost.aborted) {
      const ticket = kick.ticket();
      await step();
      await kick.after(ticket, { maxWaitMs: askAgainMs, signal: lost });
    }
  };
  return { share, keep };
}

/** All members, and this session's own number among them. */
async function whoIsThere(connection: Connection, name: string): Promise<{ readonly me: number; readonly members: readonly Member[] }> {
  const { rows } = await connection.query<{ me: number; pid: number; owns: readonly number[] }>({
    name: "tidemark_share",
    text: `select pg_backend_pid() as me, l.pid, coalesce(array_agg(l.objid::bigint::int) filter (where l.mode = 'ExclusiveLock'), '{}') as owns
           from pg_locks l
           where l.locktype = 'advisory' and l.granted and l.objsubid = 2 and l.classid = ${key}::oid
             and l.database = (select oid from pg_database where datname = current_database())
           group by l.pid having bool_or(l.mode = 'ShareLock')`,
    values: [name],
    answerTimeoutMs,
  });
  return { me: rows[0]!.me, members: rows.map(({ pid, owns }) => ({ id: pid, owns })) };
}

const all = (count: number): readonly number[] => [...Array(count).keys()];
