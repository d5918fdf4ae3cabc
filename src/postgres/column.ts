import type { ArrayType } from "./binary-array.ts";
import type { Database } from "./sql.ts";

/** One column of `rows` as an array parameter: `column("text", rows, (row) => row.key)`. */
export const columnOf =
  (database: Pick<Database, "array">) =>
  <T>(type: ArrayType, rows: readonly T[], of: (row: T) => unknown): unknown =>
    database.array(type, rows.map(of));
