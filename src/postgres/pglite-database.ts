/** The SQL port on PGlite, PostgreSQL in this process: one connection, so one piece of work at a time. */
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { PGlite, Results } from "@electric-sql/pglite";
import { TidemarkError } from "../errors.ts";
import { channelName, quoteIdentifier } from "./channel.ts";
import { sessionSettings } from "./database-options.ts";
import type { DatabaseOptions } from "./database-options.ts";
import { diskRoom } from "./disk-room.ts";
import { mutex } from "./mutex.ts";
import { notifier } from "./notifier.ts";
import { databaseError, sqlState } from "./sql-errors.ts";
import type { Connection, Database, SqlResult, Statement } from "./sql.ts";
import { asText, int8, json, oid } from "./value-types.ts";

/**
 * `dataDir` undefined: in memory. Writes survive a killed process, not a loss of power (PGlite does not fsync).
 * Nothing keeps a second process from opening the same folder and losing its writes: the caller locks it.
 */
export async function pgliteDatabase(dataDir: string | undefined, options: DatabaseOptions): Promise<Database> {
  const settings = sessionSettings(options);
  const pglite = await start(dataDir, options);
  await pglite.exec(
    Object.entries(settings)
      .map(([name, value]) => `set ${name} = ${name === "search_path" ? value : `'${value.replaceAll("'", "''")}'`};`)
      .join("\n"),
  );

  const label = dataDir === undefined ? "PGlite in memory" : `PGlite ${dataDir}`;
  const never = new AbortController().signal;
  const lock = mutex();
  const room = dataDir === undefined ? null : diskRoom(dataDir, label);
  let closed = false;
  /** Why it runs nothing any more: after a panic (a full disk, say) another statement would never come back, and take the whole process with it. */
  let broken: TidemarkError<"UNAVAILABLE"> | undefined;

  async function run<R>(statement: Statement): Promise<SqlResult<R>> {
    // PGlite never leaves the microtask queue: without a turn of the loop a busy caller starves timers and sockets
    await new Promise(setImmediate);
    // after the turn, so that nothing runs on a closed instance
    if (closed) throw new TidemarkError("CLOSED", { what: label });
    if (broken !== undefined) throw broken;
    room?.require();
    try {
      return toResult<R>(await resultOf(pglite, statement));
    } catch (error) {
      if (hasStopped(error)) {
        broken = new TidemarkError(
          "UNAVAILABLE",
          {
            what: `${label} (it has stopped: ${error instanceof Error ? error.message : String(error)}; start the process again when that is mended)`,
          },
          { cause: error },
        );
        throw broken;
      }
      throw sqlState(error) === undefined ? error : databaseError(error, label);
    }
  }

  const connection: Connection = {
    lost: never,
    query: run,
    async pipeline(statements) {
      const results: SqlResult<Record<string, unknown>>[] = [];
      let failed: { readonly error: unknown } | undefined;
      // as in a pipeline, statements after a failed one are sent too
      for (const statement of statements) {
        try {
          results.push(await run(statement));
        } catch (error) {
          failed ??= { error };
        }
      }
      if (failed !== undefined) throw failed.error;
      return results;
    },
    async script(sql) {
      await run({ text: sql });
    },
  };

  async function exclusive<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    return lock.run(async () => {
      try {
        return await work(connection);
      } catch (error) {
        // outside a transaction this is only a warning
        if (!closed && broken === undefined) await pglite.exec("rollback");
        throw error;
      }
    });
  }

  const notifications = notifier(async (channels, payloads) => {
    await lock.run(() =>
      run({
        text: "select pg_notify(u.channel, u.payload) from unnest($1::text[], $2::text[]) u(channel, payload)",
        values: [channels, payloads],
      }),
    );
  });

  return {
    engine: "pglite",
    label,
    epoch: 0,
    query: (statement) => lock.run(() => run(statement)),
    exclusive,
    async dedicated() {
      return {
        lost: never,
        query: (statement) => lock.run(() => run(statement)),
        pipeline: (statements) => exclusive((one) => one.pipeline(statements)),
        script: (sql) => exclusive((one) => one.script(sql)),
        close: async () => undefined,
      };
    },
    async listen(channel, onPayload) {
      const name = quoteIdentifier(channelName(options.schema, channel));
      const stop = await lock.run(async () => {
        if (broken !== undefined) throw broken;
        return pglite.listen(name, onPayload);
      });
      return () => lock.run(async () => (closed || broken !== undefined ? undefined : stop()));
    },
    notify: (channel, key, payload) => notifications.notify(channelName(options.schema, channel), key, payload),
    array: (_type, values) => values,
    async close() {
      if (closed) return;
      await notifications.close();
      await lock.run(async () => {
        if (closed) return;
        closed = true;
        // closing writes: without room it is left as by a kill, and the next start recovers
        if (broken === undefined && room?.isThere() !== false) await pglite.close();
      });
    },
  };
}

/** A panic, or an end of the engine itself: told by the server's own words, or by what WebAssembly throws. */
function hasStopped(error: unknown): boolean {
  if (error instanceof Error && error.name === "RuntimeError") return true;
  return sqlState(error) !== undefined && ["PANIC", "FATAL"].includes(String((error as { readonly severity?: unknown }).severity));
}

async function resultOf(pglite: PGlite, { text, values, copy }: Statement): Promise<Results<unknown> | undefined> {
  if (copy !== undefined) {
    const blob = new Blob(copy as readonly Uint8Array<ArrayBuffer>[] as Uint8Array<ArrayBuffer>[]);
    return pglite.query(text.replace(/ from stdin$/, " from '/dev/blob'"), [], { blob });
  }
  // a panic in a statement of the simple protocol, such as a commit on a full disk, never comes back; by the extended one it is told
  return values === undefined && text.includes(";")
    ? (await pglite.exec(text)).at(-1)
    : pglite.query(text, values === undefined ? [] : [...values]);
}

function toResult<R>(result: Results<unknown> | undefined): SqlResult<R> {
  const rows = (result?.rows ?? []) as R[];
  return { rows, rowCount: result?.rowCount ?? rows.length, command: result?.command ?? "" };
}

async function start(dataDir: string | undefined, options: DatabaseOptions): Promise<PGlite> {
  const { PGlite } = await import("@electric-sql/pglite").catch((cause: unknown) => {
    throw new TidemarkError("MISSING_PACKAGE", { name: "@electric-sql/pglite", purpose: "to run without a database server" }, { cause });
  });
  if (dataDir !== undefined) await prepareFolder(dataDir);
  const fresh = dataDir === undefined || !existsSync(join(dataDir, "PG_VERSION"));
  const image = fresh ? await options.image?.load() : undefined;
  const parsers = { [oid.int8]: int8, [oid.json]: json, [oid.jsonb]: json, [oid.date]: asText };
  const pglite = new PGlite({
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(image === undefined ? {} : { loadDataDir: new Blob([image]) }),
    parsers,
  });
  await pglite.waitReady;
  if (dataDir !== undefined) await rm(unfinished(dataDir), { force: true });
  if (fresh && image === undefined && options.image !== undefined) {
    await options.image.save(new Uint8Array(await (await pglite.dumpDataDir("none")).arrayBuffer()));
  }
  return pglite;
}

/** Beside a folder whose cluster is being made: what is in such a folder was never used. */
const unfinished = (dataDir: string): string => `${resolve(dataDir)}.unfinished`;

/** A process that was killed while it made the cluster leaves half of one: that is made anew. */
async function prepareFolder(dataDir: string): Promise<void> {
  if (existsSync(unfinished(dataDir))) await rm(dataDir, { recursive: true, force: true });
  await mkdir(dataDir, { recursive: true });
  if (!existsSync(join(dataDir, "PG_VERSION"))) await writeFile(unfinished(dataDir), "");
}
