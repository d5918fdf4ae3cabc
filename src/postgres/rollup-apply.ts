import type { AnyView } from "../core/definition.ts";
/**
 * A batch of a rollup: rows, groups and checkpoint in one transaction (I4). The order of classes is the same for everybody: checkpoint → rows → groups; inside each, keys by
 * code point. Rows of a view keyed by stream are this partition's alone; groups are everybody's, and get nothing but increments.
 */
import type { LogEvent } from "../core/message.ts";
import { contributionOf } from "../core/rollup-contribution.ts";
import { type RollupRules, rowsOf } from "../core/rollup-rules.ts";
import { type DocumentCache, documentCache } from "../runtime/document-cache.ts";
import { foldEvents } from "../runtime/fold-batch.ts";
import { type GroupStatements, groupStatements, incrementsOf } from "./rollup-increments.ts";
import { decodeMeasured, type MeasuredRow, type MeasuredSqlRow, noMeasured, type RowStatements, rowStatements } from "./rollup-rows.ts";
import type { Connection, Statement } from "./sql.ts";
import { type ApplyBatch, type ApplyContext, commit } from "./view-apply-context.ts";
import { blaming, type Touched, touchedBy } from "./view-batch.ts";
import { beginAndMove, moveOnly } from "./view-checkpoint.ts";
import { DocumentProblem } from "./view-rows.ts";

interface RollupContext {
  /** The rows as a view. */
  readonly of: AnyView;
  readonly rules: RollupRules;
  readonly rows: RowStatements;
  readonly groups: GroupStatements;
  readonly cache: DocumentCache<MeasuredRow>;
}

const contexts = new WeakMap<ApplyContext, RollupContext>();

function contextOf(context: ApplyContext): RollupContext {
  let found = contexts.get(context);
  if (found === undefined) {
    const { database, generation, shape } = context;
    const { view } = shape;
    const rules = view.rollup!;
    found = {
      of: rowsOf(view),
      rules,
      rows: rowStatements(database, view.name, rules, generation),
      groups: groupStatements(database, view.name, rules, generation),
      cache: documentCache<MeasuredRow>(),
    };
    contexts.set(context, found);
  }
  return found;
}

export async function applyRollup(context: ApplyContext, connection: Connection, batch: ApplyBatch): Promise<"applied" | "moved"> {
  const own = contextOf(context);
  const { move, events } = batch;
  const touched = touchedBy(own.of, events, own.of.name);
  const cached = own.cache.take(move.from);
  if (touched.size === 0) {
    if ((await connection.query(moveOnly(move))).rowCount !== 1) return "moved";
    own.cache.keep(cached, move.to, []);
    return "applied";
  }
  const shared = own.of.keyed === "key";
  const keys = [...touched.keys()];
  let known: ReadonlyMap<string, MeasuredRow>;
  if (shared) {
    const results = await connection.pipeline([...beginAndMove(move), own.rows.claim(keys), own.rows.lock(keys)]);
    known = rowsIn(results.at(-1)!.rows);
  } else {
    known = await readRows(own, connection, touched, cached);
  }
  const before = keys.map((key) => known.get(key) ?? noMeasured(key));
  const after = before.map((row) => measure(own, row, touched.get(row.key)!));
  if (!shared) await connection.pipeline(beginAndMove(move));
  await commit(connection, writes(own, before, after), `Rollup '${own.of.name}' on ${context.database.label}`);
  if (!shared) own.cache.keep(cached, move.to, after);
  return "applied";
}

const rowsIn = (rows: readonly unknown[]): Map<string, MeasuredRow> =>
  new Map((rows as readonly MeasuredSqlRow[]).map((row) => [row._key, decodeMeasured(row)]));

/** Only this partition writes them, and its compare-and-set confirms that nobody did meanwhile. A stream's first event finds none. */
async function readRows(
  { rows }: RollupContext,
  connection: Connection,
  touched: Touched,
  cached: ReadonlyMap<string, MeasuredRow>,
): Promise<ReadonlyMap<string, MeasuredRow>> {
  const keys = [...touched].filter(([key, events]) => !cached.has(key) && events[0]!.version !== 1).map(([key]) => key);
  if (keys.length === 0) return cached;
  const found = await connection.query(rows.read(keys));
  return new Map([...cached, ...rowsIn(found.rows)]);
}

/** @throws HANDLER_FAILED, also for what cannot be measured */
function measure({ of, rules }: RollupContext, row: MeasuredRow, events: readonly LogEvent[]): MeasuredRow {
  const { document, version, updated } = foldEvents(of, row.key, events, row, of.name);
  const part =
    document === null
      ? null
      : blaming(of.name, events.at(-1)!, () => {
          const made = contributionOf(rules, document);
          if (made !== null) checkGroup(made.key);
          if (made !== null) checkExtremes(rules, made.values);
          return made;
        });
  return { key: row.key, document, version, updated, part };
}

/** The indexes of groups hold their dimensions and their key, which holds the dimensions again. */
const maxKeyBytes = 1_200;

function checkGroup(key: string): void {
  const bytes = Buffer.byteLength(key);
  if (bytes > maxKeyBytes) throw new DocumentProblem(`its group's key takes ${bytes} bytes, more than ${maxKeyBytes}`);
}

/** The index of `min` and `max` holds the group's key and the value. */
const maxExtremeBytes = 1_400;

function checkExtremes(rules: RollupRules, values: readonly unknown[]): void {
  for (const [i, { kind, field }] of Object.values(rules.measures).entries()) {
    const value = values[i];
    if ((kind === "min" || kind === "max") && typeof value === "string" && Buffer.byteLength(value) > maxExtremeBytes)
      throw new DocumentProblem(`the field '${field}' takes more than ${maxExtremeBytes} bytes, too many for the index of '${kind}'`);
  }
}

function writes({ of, rules, rows, groups }: RollupContext, before: readonly MeasuredRow[], after: readonly MeasuredRow[]): Statement[] {
  // a row that other partitions may claim goes back to a placeholder: they would claim it, find it gone at the lock, and write over a rival
  const held = of.keyed === "key" ? after : after.filter(({ document }) => document !== null);
  const gone = of.keyed === "key" ? [] : after.filter(({ document }, i) => document === null && before[i]!.document !== null);
  const increments = incrementsOf(rules, before, after);
  const losing = increments.filter((group) => group.rows < 0);
  return [
    ...(gone.length > 0 ? [rows.delete(gone.map(({ key }) => key))] : []),
    ...(held.length > 0 ? [rows.upsert(held)] : []),
    ...(increments.length > 0 ? [groups.add(increments)] : []),
    ...(losing.length > 0 ? [groups.deleteEmpty(losing)] : []),
  ];
}
