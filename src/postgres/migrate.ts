/** Numbered SQL migrations of a database, one list for each kind ("write", "views"). */
import { TidemarkError } from "../errors.ts";
import { quoteIdentifier } from "./channel.ts";
import { checkSchema } from "./database-options.ts";
import type { Connection, Database } from "./sql.ts";

/** Its number is the one that its name begins with; numbers ascend, gaps are fine. A migration that was released is never changed: a new one is added. */
export interface Migration {
  readonly name: string;
  /** Several statements, run in one transaction, with the schema as search path. */
  readonly sql: string;
}

export interface MigrateOptions {
  readonly schema: string;
  readonly kind: string;
  readonly migrations: readonly Migration[];
  /** false: create nothing, only check (for users without DDL rights). */
  readonly ddl: boolean;
}

/**
 * Brings the schema to the newest version of `kind`, or checks that it is there. Safe to run by many processes at once; a repeat does nothing.
 * Answers how many migrations it ran. @throws SCHEMA_OUTDATED (only without `ddl`), SCHEMA_NEWER
 */
export async function migrate(database: Database, options: MigrateOptions): Promise<number> {
  const steps = numbered(options);
  const done = await versionsOf(database, options);
  if (missing(steps, done, options.kind).length === 0) return 0;
  if (!options.ddl) throw new TidemarkError("SCHEMA_OUTDATED", { database: options.kind, ...versions(steps, done) });
  return database.exclusive((connection) => run(connection, options, steps));
}

interface Step extends Migration {
  readonly number: number;
}

const numbered = ({ migrations }: MigrateOptions): readonly Step[] =>
  migrations.map((migration, i) => ({ ...migration, number: /^\d{4}/.test(migration.name) ? Number(migration.name.slice(0, 4)) : i + 1 }));

/** Those to be run, in order: also one whose number is below that of one which was run, where two releases were made apart. @throws SCHEMA_NEWER */
function missing(steps: readonly Step[], done: readonly number[], kind: string): readonly Step[] {
  const expected = steps.at(-1)?.number ?? 0;
  const found = Math.max(0, ...done);
  if (found > expected) throw newer(kind, found, expected);
  return steps.filter((step) => !done.includes(step.number));
}

/** Found: the last one before the first that is missing. */
function versions(steps: readonly Step[], done: readonly number[]): { readonly found: number; readonly expected: number } {
  const first = steps.findIndex((step) => !done.includes(step.number));
  return { found: steps[first - 1]?.number ?? 0, expected: steps.at(-1)?.number ?? 0 };
}

const newer = (database: string, found: number, expected: number) => new TidemarkError("SCHEMA_NEWER", { database, found, expected });

/** Empty where nothing was ever migrated. */
async function versionsOf(database: Database, options: MigrateOptions): Promise<readonly number[]> {
  const table = `${quoteIdentifier(checkSchema(options.schema))}.tidemark_migrations`;
  const there = await database.query<{ there: boolean }>({ text: "select to_regclass($1) is not null as there", values: [table] });
  return there.rows[0]!.there ? recorded(database, table, options.kind) : [];
}

async function recorded(at: Pick<Database, "query">, table: string, kind: string): Promise<readonly number[]> {
  const { rows } = await at.query<{ version: number }>({ text: `select version from ${table} where kind = $1`, values: [kind] });
  return rows.map(({ version }) => version);
}

async function run(connection: Connection, options: MigrateOptions, steps: readonly Step[]): Promise<number> {
  const { schema, kind } = options;
  const name = quoteIdentifier(checkSchema(schema));
  await connection.script("begin");
  // held until commit: whoever comes second finds the work done
  await connection.query({ text: "select pg_advisory_xact_lock(hashtextextended($1, 0))", values: [`tidemark.migrate.${schema}`] });
  const exists = await connection.query<{ there: boolean }>({ text: "select to_regnamespace($1) is not null as there", values: [name] });
  // "if not exists" asks for the right to create schemas even where there is one
  if (!exists.rows[0]!.there) await connection.script(`create schema ${name}`);
  await connection.script(`create table if not exists ${name}.tidemark_migrations(
    kind text not null, version int not null, name text not null, migrated_at timestamptz not null default now(), primary key (kind, version))`);
  const due = missing(steps, await recorded(connection, `${name}.tidemark_migrations`, kind), kind);
  for (const migration of due) {
    await connection.script(migration.sql);
    await connection.query({
      text: `insert into ${name}.tidemark_migrations(kind, version, name) values ($1, $2, $3)`,
      values: [kind, migration.number, migration.name],
    });
  }
  await connection.script("commit");
  return due.length;
}
