/** Generations of a view: made, switched and retired under one advisory lock for each view, so that processes do it one after another. */
import type { AnyView } from "../core/definition.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import { currentGeneration } from "../runtime/current-generation.ts";
import type { Generation, ViewStore } from "../runtime/ports.ts";
import type { GenerationTables } from "./generation-tables.ts";
import { isMissing } from "./sql-errors.ts";
import type { Connection, Database } from "./sql.ts";
import { named, shared } from "./view-names.ts";
import type { ViewWake } from "./view-wake.ts";

export type ViewGenerations = Pick<ViewStore, "ensure" | "create" | "switch" | "retire" | "current">;

export const generationList = `view, generation, declared as "declaredVersion", hash, store, state, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "createdAt"`;
const listAll = named(`select ${generationList} from ${shared.generations} where view = $1 order by generation`);
const insert = named(
  `insert into ${shared.generations}(view, generation, declared, hash, state, store) values ($1, $2, $3, $4, $5, $6) returning ${generationList}`,
);
const setState = named(`update ${shared.generations} set state = $3 where view = $1 and generation = $2`);
const lockCheckpoints = named(
  `select count(*) from (select 1 from ${shared.checkpoints} where view = $1 and generation = any($2::int[]) order by generation, log, partition for update) x`,
);
const behindLive = named(
  `select l.log, l.partition, l.position as live, coalesce(n.position, 0) as found from ${shared.checkpoints} l ` +
    `left join ${shared.checkpoints} n on n.view = l.view and n.generation = $3 and n.log = l.log and n.partition = l.partition ` +
    "where l.view = $1 and l.generation = $2 and l.log = any($4::text[]) and l.position > coalesce(n.position, 0) order by l.log, l.partition limit 1",
);
// an earlier offset than its own is a hint too: its reader looks for its own last event from there on
const takeHints = named(
  `update ${shared.checkpoints} n set hint = l.hint from ${shared.checkpoints} l where n.view = $1 and n.generation = $3 and n.hint is null ` +
    "and l.view = n.view and l.generation = $2 and l.log = n.log and l.partition = n.partition and l.log_id = n.log_id and l.position <= n.position and l.hint is not null",
);
const deleteCheckpoints = named(`delete from ${shared.checkpoints} where view = $1 and generation = $2`);
/** A newer release serves this view by now, and nothing of this one's is left: an old process that comes back must not build it again. */
const isPast = (view: AnyView, known: readonly Generation[]): boolean =>
  known.some((g) => g.state === "live" && g.declaredVersion > view.version);

export function viewGenerations(database: Database, wake: ViewWake, tables: GenerationTables): ViewGenerations {
  const refused = (view: AnyView, problem: string): never => {
    throw new TidemarkError("REBUILD_REFUSED", { view: view.name, problem });
  };

  async function generations(at: Pick<Database, "query">, view: AnyView): Promise<readonly Generation[]> {
    return (await at.query<Generation>({ ...listAll, values: [view.name] })).rows;
  }

  /** One transaction under the view's lock, with its generations as they are then. */
  async function locked<T>(view: AnyView, work: (connection: Connection, known: readonly Generation[]) => Promise<T>): Promise<T> {
    return database.exclusive(async (connection) => {
      await connection.query({ text: "begin" });
      await connection.query({
        text: "select pg_advisory_xact_lock(hashtextextended(current_schema() || '.' || $1, 0))",
        values: [`generations.${view.name}`],
      });
      const result = await work(connection, await generations(connection, view));
      const { command } = await connection.query({ text: "commit" });
      if (command === "ROLLBACK") throw new TidemarkError("UNAVAILABLE", { what: `${database.label} (the transaction was rolled back)` });
      return result;
    });
  }

  async function make(connection: Connection, view: AnyView, known: readonly Generation[]): Promise<Generation> {
    const generation = Math.max(0, ...known.map((g) => g.generation)) + 1;
    const first = !known.some(({ state }) => state === "live");
    await tables.create(connection, view, generation, !first);
    const { rows } = await connection.query<Generation>({
      ...insert,
      values: [view.name, generation, view.version, view.hash, first ? "live" : "building", tables.store],
    });
    if (first) await tables.show(connection, view, generation);
    return rows[0]!;
  }

  async function indexBuilding(view: AnyView, generation: number): Promise<void> {
    const found = (await generations(database, view)).find((g) => g.generation === generation);
    if (found?.state !== "building") return;
    try {
      await tables.index(view, generation);
    } catch (error) {
      // retired meanwhile: what the switch says under its lock
      if (!isTidemarkError(error, "GENERATION_MOVED")) throw error;
    }
  }

  /** The fence: an apply finds no checkpoint any more. Its tables go in a later transaction: the statement of an apply may hold them while it waits for the checkpoint. */
  async function fence(connection: Connection, view: AnyView, { generation }: Generation): Promise<void> {
    await connection.query({ ...setState, values: [view.name, generation, "retired"] });
    await connection.query({ ...deleteCheckpoints, values: [view.name, generation] });
  }

  /** Also those that a crash between both transactions left. */
  async function dropRetired(view: AnyView): Promise<void> {
    await locked(view, async (connection, known) => {
      const retired = known.filter(({ state, store }) => state === "retired" && store === tables.store);
      await tables.drop(
        connection,
        view,
        retired.map(({ generation }) => generation),
      );
    });
  }

  return {
    async ensure(view) {
      const fed = (known: readonly Generation[]) =>
        known.filter((g) => g.store === tables.store && g.declaredVersion === view.version && g.state !== "retired");
      const answer = (found: readonly Generation[]) => ({
        generations: found,
        changed: found.length > 0 && found.at(-1)!.hash !== view.hash,
      });
      const known = await generations(database, view);
      const found = fed(known);
      if (found.length > 0 || isPast(view, known)) return answer(found);
      let made = false;
      const after = await locked(view, async (connection, known) => {
        if (fed(known).length > 0 || isPast(view, known)) return fed(known);
        made = true;
        return [await make(connection, view, known)];
      });
      if (made) wake.generationsChanged(view.name);
      return answer(after);
    },
    async create(view) {
      const generation = await locked(view, (connection, known) => make(connection, view, known));
      wake.generationsChanged(view.name);
      return generation;
    },
    async switch(view, generation) {
      await indexBuilding(view, generation);
      await locked(view, async (connection, known) => {
        const next = known.find((g) => g.generation === generation);
        const live = known.find((g) => g.state === "live");
        if (next === undefined || next.state === "retired") return refused(view, `generation ${generation} is not there`);
        if (next.store !== tables.store)
          return refused(view, `generation ${generation} is kept in '${next.store}', not in '${tables.store}'`);
        if (next === live) return;
        if (live !== undefined) {
          await requireReached(connection, view, live, next);
          // filled by another transport, it would look for its place in the whole log
          await connection.query({ ...takeHints, values: [view.name, live.generation, generation] });
        }
        for (const old of known) if (old.state === "previous" && old !== next) await fence(connection, view, old);
        if (live !== undefined) await connection.query({ ...setState, values: [view.name, live.generation, "previous"] });
        await connection.query({ ...setState, values: [view.name, generation, "live"] });
        await tables.show(connection, view, generation);
      });
      wake.generationsChanged(view.name);
      await dropRetired(view);
    },
    async retire(view, generation) {
      await locked(view, async (connection, known) => {
        const old = known.find((g) => g.generation === generation);
        if (old === undefined) throw new TidemarkError("NOT_FOUND", { what: `Generation ${generation} of view '${view.name}'` });
        if (old.state === "live") refused(view, `generation ${generation} is live and cannot be retired; switch to another one first`);
        if (old.state !== "retired") await fence(connection, view, old);
      });
      wake.generationsChanged(view.name);
      await dropRetired(view);
    },
    async current(view) {
      try {
        const known = await generations(database, view);
        return currentGeneration(
          view,
          known.filter(({ store }) => store === tables.store),
        );
      } catch (error) {
        // a query process creates nothing: before the first migration there is no generation
        if (isMissing(error)) return null;
        throw error;
      }
    },
  };

  /** Locks both generations' checkpoints until commit. Partitions of logs that the view consumes no more do not count. */
  async function requireReached(connection: Connection, view: AnyView, live: Generation, next: Generation): Promise<void> {
    await connection.query({ ...lockCheckpoints, values: [view.name, database.array("int4", [live.generation, next.generation])] });
    const { rows } = await connection.query<{ log: string; partition: number; live: number; found: number }>({
      ...behindLive,
      values: [view.name, live.generation, next.generation, database.array("text", view.logs)],
    });
    const behind = rows[0];
    if (behind !== undefined) {
      refused(
        view,
        `generation ${next.generation} is at position ${behind.found} of log '${behind.log}', partition ${behind.partition}, and the live generation ${live.generation} at ${behind.live}; it can go live when it has caught up`,
      );
    }
  }
}
