import type { Migration } from "../../migrate.ts";
import { sql as logs } from "./0001-logs.ts";
import { sql as append } from "./0002-append.ts";

export const writeMigrations: readonly Migration[] = [
  { name: "0001-logs", sql: logs },
  { name: "0002-append", sql: append },
];
