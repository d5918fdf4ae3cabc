import type { Migration } from "../../migrate.ts";
import { sql as logs } from "./0001-logs.ts";
import { sql as append } from "./0002-append.ts";
import { sql as quick } from "./0003-append-quick.ts";
import { sql as snapshots } from "./0004-snapshots.ts";
import { sql as one } from "./0005-append-one.ts";
import { sql as commandPositions } from "./0010-command-positions.ts";
import { sql as outbox } from "./0011-outbox.ts";

export const writeMigrations: readonly Migration[] = [
  { name: "0001-logs", sql: logs },
  { name: "0002-append", sql: append },
  { name: "0003-append-quick", sql: quick },
  { name: "0004-snapshots", sql: snapshots },
  { name: "0005-append-one", sql: one },
  { name: "0010-command-positions", sql: commandPositions },
  { name: "0011-outbox", sql: outbox },
];
