import type { LogEvent } from "../core/message.ts";
/** What every apply of one (view, generation) has at hand. */
import { TidemarkError } from "../errors.ts";
import { type DocumentCache, documentCache } from "../runtime/document-cache.ts";
import type { Connection, Database, SqlResult, Statement } from "./sql.ts";
import type { Move } from "./view-checkpoint.ts";
import { documentTable, referenceTable } from "./view-names.ts";
import type { Row } from "./view-rows.ts";
import type { ViewShape } from "./view-shape.ts";
import { type TableStatements, tableStatements } from "./view-statements.ts";

export interface ApplyContext {
  readonly database: Database;
  readonly shape: ViewShape;
  readonly generation: number;
  readonly table: string;
  readonly own: TableStatements;
  /** By name of the referenced view, in the order in which they are locked. */
  readonly referenced: ReadonlyMap<string, TableStatements>;
  /** For documents that nobody but one partition of one log writes. */
  readonly cache: DocumentCache<Row>;
}

export interface ApplyBatch {
  readonly move: Move;
  readonly events: readonly LogEvent[];
}

export function applyContext(database: Database, shape: ViewShape, generation: number): ApplyContext {
  const view = shape.view.name;
  const table = documentTable(view, generation);
  const referenced = shape.referenced.map((r) => [r.view.name, tableStatements(r, referenceTable(view, generation, r.view.name))] as const);
  return {
    database,
    shape,
    generation,
    table,
    own: tableStatements(shape, table),
    referenced: new Map(referenced),
    cache: documentCache<Row>(),
  };
}

/** @throws UNAVAILABLE where the database rolled back what it was asked to commit */
export async function commit(
  connection: Connection,
  statements: readonly Statement[],
  what: string,
): Promise<readonly SqlResult<Record<string, unknown>>[]> {
  const results = await connection.pipeline([...statements, { text: "commit" }]);
  // the commit of a failed transaction succeeds, with this tag
  if (results.at(-1)!.command === "ROLLBACK") throw new TidemarkError("UNAVAILABLE", { what: `${what} (the transaction was rolled back)` });
  return results;
}
