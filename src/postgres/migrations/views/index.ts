import type { Migration } from "../../migrate.ts";
import { sql as generations } from "./0001-generations.ts";

export const viewMigrations: readonly Migration[] = [{ name: "0001-generations", sql: generations }];
