/** Numbered SQL migrations of a database, one list for each kind ("write", "views"). */
import { TidemarkError } from "../errors.ts";
import { quoteIdentifier } from "./channel.ts";
import { checkSchema } from "./database-options.ts";
import type { Connection, Database } from "./sql.ts";

/** Number 1 is the first of the list. A migration that was released is never changed: a new one is added. */
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
  const expected = options.migrations.length;
  const found = await versionOf(database, options);
  if (found > expected) throw newer(options.kind, found, expected);
  if (found === expected) return 0;
  if (!options.ddl) throw new TidemarkError("SCHEMA_OUTDATED", { database: options.kind, found, expected });
  return database.exclusive((connection) => run(connection, options));
}

const newer = (database: string, found: number, expected: number) => new TidemarkError("SCHEMA_NEWER", { database, found, expected });

/** 0 where nothing was ever migrated. */
async function versionOf(database: Database, options: MigrateOptions): Promise<number> {
  const table = `${quoteIdentifier(checkSchema(options.schema))}.tidemark_migrations`;
  const there = await database.query<{ there: boolean }>({ text: "select to_regclass($1) is not null as there", values: [table] });
  return there.rows[0]!.there ? recorded(database, table, options.kind) : 0;
}

async function recorded(at: Pick<Database, "query">, table: string, kind: string): Promise<number> {
  const { rows } = await at.query<{ version: number }>({
    text: `select coalesce(max(version), 0)::int as version from ${table} where kind = $1`,
    values: [kind],
  });
  return rows[0]!.version;
}

async function run(connection: Connection, options: MigrateOptions): Promise<number> {
  const { schema, kind, migrations } = options;
  const name = quoteIdentifier(checkSchema(schema));
  await connection.script("begin");
  // held until commit: whoever comes second finds the work done
  await connection.query({ text: "select pg_advisory_xact_lock(hashtextextended($1, 0))", values: [`tidemark.migrate.${schema}`] });
  const exists = await connection.query<{ there: boolean }>({ text: "select to_regnamespace($1) is not null as there", values: [name] });
  // "if not exists" asks for the right to create schemas even where there is one
  if (!exists.rows[0]!.there) await connection.script(`create schema ${name}`);
  await connection.script(`create table if not exists ${name}.tidemark_migrations(
    kind text not null, version int not null, name text not null, migrated_at timestamptz not null default now(), primary key (kind, version))`);
  const found = await recorded(connection, `${name}.tidemark_migrations`, kind);
  if (found > migrations.length) throw newer(kind, found, migrations.length);
  for (const [index, migration] of migrations.entries()) {
    if (index < found) continue;
    await connection.script(migration.sql);
    await connection.query({
      text: `insert into ${name}.tidemark_migrations(kind, version, name) values ($1, $2, $3)`,
      values: [kind, index + 1, migration.name],
    });
  }
  await connection.script("commit");
  return migrations.length - found;
}
