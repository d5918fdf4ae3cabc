/** The checkpoints of one (view, generation): made at position 0, read, and the failures written down beside them. */
import type { AnyView } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import type { Checkpoint, ViewProjection } from "../runtime/ports.ts";
import { columnOf } from "./column.ts";
import type { Database } from "./sql.ts";
import { named, shared } from "./view-names.ts";

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

export interface ViewCheckpoints {
  readonly all: ViewProjection["checkpoints"];
  readonly one: ViewProjection["checkpoint"];
  readonly recordFailure: ViewProjection["recordFailure"];
  /** Nobody has moved it since. What fails on documents that others have moved on meanwhile is no failure of the event. */
  isAt(from: Checkpoint): Promise<boolean>;
}

/** They throw GENERATION_MOVED where the generation is retired. */
export function viewCheckpoints(database: Database, view: AnyView, generation: number): ViewCheckpoints {
  const column = columnOf(database);
  const gone = (): TidemarkError => new TidemarkError("GENERATION_MOVED", { view: view.name, generation });

  async function rowOf(log: string, partition: number): Promise<CheckpointRow | undefined> {
    return (await database.query<CheckpointRow>({ ...readOne, values: [view.name, generation, log, partition] })).rows[0];
  }

  return {
    async all(partitions) {
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
    async one(log, partition) {
      const row = await rowOf(log, partition);
      if (row === undefined) throw gone();
      return checkpointOf(row);
    },
    async recordFailure(log, partition, failure) {
      const stored = failure === null ? null : JSON.stringify({ position: failure.position, problem: failure.problem, at: failure.at });
      await database.query({ ...setFailure, values: [view.name, generation, log, partition, stored] });
    },
    async isAt(from) {
      const row = await rowOf(from.log, from.partition);
      return row !== undefined && row.position === from.position && row.eventId === from.eventId && row.declared === view.version;
    },
  };
}

/** Without what else its row holds. */
export const checkpointOf = ({ log, partition, position, eventId, logId, hint }: Checkpoint): Checkpoint => ({
  log,
  partition,
  position,
  eventId,
  logId,
  hint,
});
