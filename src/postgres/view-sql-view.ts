/** `select * from <view>` for SQL users: the live generation's documents. */
import { TidemarkError } from "../errors.ts";
import { sqlState } from "./sql-errors.ts";
import type { Connection } from "./sql.ts";
import type { ViewShape } from "./view-shape.ts";
import { sqlViewName, sqlViewQuery } from "./view-tables.ts";

/** "cannot change name, type or number of columns of a view". */
const otherColumns = new Set(["42P16"]);
const dependentObjects = "2BP01";

/** Inside the transaction that makes `generation` live. Rights on the view are kept where its columns stay the same. @throws REBUILD_REFUSED where other views of the user need the columns that it had */
export async function showGeneration(connection: Connection, shape: ViewShape, generation: number): Promise<void> {
  const name = sqlViewName(shape.view.name);
  const query = sqlViewQuery(shape, generation);
  await connection.query({ text: "savepoint show" });
  try {
    await connection.script(`create or replace view ${name} as ${query}`);
  } catch (error) {
    if (!otherColumns.has(sqlState(error) ?? "")) throw error;
    await connection.query({ text: "rollback to savepoint show" });
    await replace(connection, shape, `drop view ${name}; create view ${name} as ${query}`);
  }
  await connection.query({ text: "release savepoint show" });
}

async function replace(connection: Connection, shape: ViewShape, sql: string): Promise<void> {
  try {
    await connection.script(sql);
  } catch (error) {
    if (sqlState(error) !== dependentObjects) throw error;
    const problem = `other objects in the database depend on the SQL view '${shape.view.name}', whose columns change; drop them first`;
    throw new TidemarkError("REBUILD_REFUSED", { view: shape.view.name, problem }, { cause: error });
  }
}
