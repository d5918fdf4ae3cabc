/** One (view, generation) as a worker feeds it. */
import type { AnyView } from "../core/definition.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import type { Checkpoint, ViewProjection } from "../runtime/ports.ts";
import { columnOf } from "./column.ts";
import type { Database } from "./sql.ts";
import type { ApplyConnections } from "./view-apply-connections.ts";
import { applyContext } from "./view-apply-context.ts";
import { applyBatch } from "./view-apply.ts";
import { viewLoad } from "./view-load.ts";
import { named, shared } from "./view-names.ts";
import { shapeOf } from "./view-shape.ts";
import { indexGeneration } from "./view-tables.ts";
import type { ViewWake } from "./view-wake.ts";

interface CheckpointRow extends Checkpoint {
  readonly declared: number;
}

const list = 'log, partition, position, event_id as "eventId", log_id as "logId", hint, declared';

// locks the generation, so that none is made for one that is being retired
const make = named(
  `insert into ${shared.checkpoints}(view, generation, log, partition, declared) ` +
    `select g.view, g.generation, u.log, u.partition, g.declared from ${shared.generations} g, unnest($3::text[], $4::int[]) u(log, partition) ` +
    "where g.view = $1 and g.generation = $2 and g.state <> 'retired' order by u.log collate \"C\", u.partition for share of g on conflict do nothing",
);
const readAll = named(`select ${list} from ${shared.checkpoints} where view = $1 and generation = $2 order by log, partition`);
const readOne = named(`select ${list} from ${shared.checkpoints} where view = $1 and generation = $2 and log = $3 and partition = $4`);
const setFailure = named(
  `update ${shared.checkpoints} set failure = $5::json where view = $1 and generation = $2 and log = $3 and partition = $4`,
);

export function viewProjection(
  database: Database,
  connections: ApplyConnections,
  wake: ViewWake,
  view: AnyView,
  generation: number,
): ViewProjection {
  const context = applyContext(database, shapeOf(view), generation);
  const column = columnOf(database);
  const gone = (): TidemarkError => new TidemarkError("GENERATION_MOVED", { view: view.name, generation });

  async function rowOf(log: string, partition: number): Promise<CheckpointRow | undefined> {
    return (await database.query<CheckpointRow>({ ...readOne, values: [view.name, generation, log, partition] })).rows[0];
  }

  /** What fails on documents that others have moved on meanwhile is no failure of the event. */
  async function stillAt(from: Checkpoint): Promise<boolean> {
    const row = await rowOf(from.log, from.partition);
    return row !== undefined && row.position === from.position && row.eventId === from.eventId && row.declared === view.version;
  }

  return {
    view,
    generation,
    async checkpoints(partitions) {
      const wanted = [...partitions].flatMap(([log, count]) => Array.from({ length: count }, (_, partition) => ({ log, partition })));
      const values = [
        view.name,
        generation,
        column("text", wanted, ({ log }) => log),
        column("int4", wanted, ({ partition }) => partition),
      ];
      await database.query({ ...make, values });
      const { rows } = await database.query<CheckpointRow>({ ...readAll, values: [view.name, generation] });
      const found = rows.filter(({ log, partition }) => partition < (partitions.get(log) ?? 0));
      if (found.length < wanted.length) throw gone();
      return found.map(checkpointOf);
    },
    async checkpoint(log, partition) {
      const row = await rowOf(log, partition);
      if (row === undefined) throw gone();
      return checkpointOf(row);
    },
    async apply(from, to, events) {
      try {
        const outcome = await applyBatch(context, connections, {
          move: { view: view.name, generation, declared: view.version, from, to },
          events,
        });
        if (outcome === "applied")
          wake.checkpointMoved({ view: view.name, generation, log: to.log, partition: to.partition, position: to.position });
        return outcome;
      } catch (error) {
        if (isTidemarkError(error, "HANDLER_FAILED") && !(await stillAt(from))) return "moved";
        throw error;
      }
    },
    load(from, { keep }) {
      if (view.keyed !== "stream" || !view.from.some(({ name }) => name === from.log)) return null;
      const onStored = ({ log, partition, position }: Checkpoint) =>
        wake.checkpointMoved({ view: view.name, generation, log, partition, position });
      return viewLoad(context, connections, generation, from, { keep, onStored });
    },
    loaded: () => indexGeneration(database, context.shape, generation),
    async recordFailure(log, partition, failure) {
      const stored = failure === null ? null : JSON.stringify({ position: failure.position, problem: failure.problem, at: failure.at });
      await database.query({ ...setFailure, values: [view.name, generation, log, partition, stored] });
    },
  };
}

const checkpointOf = ({ log, partition, position, eventId, logId, hint }: CheckpointRow): Checkpoint => ({
  log,
  partition,
  position,
  eventId,
  logId,
  hint,
});
