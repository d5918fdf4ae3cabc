import type { Migration } from "../../migrate.ts";
import { sql as generations } from "./0001-generations.ts";
import { sql as stores } from "./0002-stores.ts";

export const viewMigrations: readonly Migration[] = [
  { name: "0001-generations", sql: generations },
  { name: "0002-stores", sql: stores },
];
