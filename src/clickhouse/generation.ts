/** One generation of a view in ClickHouse: one table of row versions, of which the one that has seen most counts. */
import { randomUUID } from "node:crypto";
import type { ClickHouseClient } from "@clickhouse/client";
import { scalarOf } from "../core/condition.ts";
import type { AnyView } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import type { DocumentGeneration, DocumentRow, DocumentRows, WriteOutcome } from "../runtime/document-store.ts";
import { checkFind } from "../runtime/find-check.ts";
import type { FindQuery, FoundPage, StoredDocument } from "../runtime/ports.ts";
import { isMissing, unavailable } from "./errors.ts";
import { conditionsOf, orderOf } from "./find.ts";
import { qualified, tableName } from "./names.ts";
import { decodeRow, ownCells, ownColumns, ownNames, type RowAnswer, rowSelection } from "./rows.ts";
import { type Shape, shapeOf } from "./shape.ts";
import { literal, literalLists, tabSeparated } from "./sql.ts";

export interface ClickHousePlace {
  readonly client: ClickHouseClient;
  readonly database: string;
  readonly prefix: string;
  readonly label: string;
}

/** Before the id in the table's comment, which goes where the table goes. */
const storageMark = "tidemark storage ";

/** `fsync`: the checkpoint in the read database outlives a power failure, so rows must. Small granules: a batch reads the rows of its keys. */
const tableSettings = "index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1";

/** One part for each batch, there and visible when it is answered; numbers are read to their last bit. */
const insertSettings =
  "async_insert = 0, wait_for_async_insert = 1, precise_float_parsing = 1, input_format_tsv_empty_as_default = 0, insert_deduplicate = 0, " +
  "insert_quorum = 'auto', insert_quorum_parallel = 0";

/** Where tables are replicated, a read sees what was acknowledged on any replica, which needs the quorum of inserts above; a single server has no use for either. */
const readSettings = { select_sequential_consistency: "1" } as const;

/** Characters of a query that a server parses without being asked: it counts 262,144 bytes. */
const longQuery = 60_000;

export function clickhouseGeneration(place: ClickHousePlace, view: AnyView, generation: number): DocumentGeneration {
  const { client, database, prefix, label } = place;
  const what = `View '${view.name}' on ${label}`;
  const shape = shapeOf(view);
  const name = tableName(prefix, view.name, generation);
  const table = qualified(database, name);
  const lost = () => new TidemarkError("VIEW_STORE_DIVERGED", { view: view.name, generation, store: label });

  return {
    async prepare(mayCreate = true) {
      const columns = [...ownColumns, ...shape.columns.map(({ definition }) => definition)];
      const storage = () => select(`select comment from system.tables where database = ${literal(database)} and name = ${literal(name)}`);
      // who comes second finds the first one's comment
      if (mayCreate)
        await command(
          `create table if not exists ${table} (${columns.join(", ")}) engine = ReplacingMergeTree(_seen) order by _key ` +
            `settings ${tableSettings} comment ${literal(storageMark + randomUUID())}`,
        );
      const found = await storage();
      if (found.length === 0 && !mayCreate) return null;
      const comment = found[0]?.[0];
      if (typeof comment !== "string" || !comment.startsWith(storageMark)) throw lost();
      return comment.slice(storageMark.length);
    },
    own: rows(),
    referenced: new Map(),
    visible: () => Promise.resolve(),
    async get(keys) {
      const found = new Map<string, StoredDocument>();
      for (const list of literalLists(keys)) {
        for (const answer of await there(documents([`${shape.key} in (${list})`], ""))) {
          const { key, stored } = shape.decode(answer);
          found.set(key, stored);
        }
      }
      return keys.map((key) => found.get(key));
    },
    async find(query: FindQuery): Promise<FoundPage> {
      checkFind(view, query);
      const { order, limit } = query;
      // one more than asked for tells whether there is a next page
      const rest = ` order by ${orderOf(shape.found, shape.key, order)} limit ${limit + 1}`;
      const answers = await there(documents(conditionsOf(shape.found, shape.key, query), rest));
      const found = answers.slice(0, limit).map((answer) => shape.decode(answer));
      const last = answers.length > limit ? found.at(-1) : undefined;
      return {
        items: found.map(({ stored }) => stored),
        next: last === undefined ? null : [...order.map(({ field }) => scalarOf(last.stored.document[field])), last.key],
      };
    },
    drop: () => command(`drop table if exists ${table} sync settings max_table_size_to_drop = 0`),
  };

  function documents(conditions: readonly string[], rest: string): string {
    return `select ${shape.selection} from ${table} final where ${[shape.held, ...conditions].join(" and ")}${shape.groupBy}${rest}`;
  }

  function rows(): DocumentRows {
    // the client trims statements: the last cell is one that neither is empty nor ends with a blank or a semicolon, the edition
    const names = [...shape.columns.map((column) => column.name), ...ownNames].join(", ");
    return {
      noticesLoss: true,
      async read(keys) {
        const found = new Map<string, DocumentRow>();
        for (const list of literalLists(keys)) {
          for (const answer of await read(list)) {
            const row = decodeRow(answer as unknown as RowAnswer);
            found.set(row.key, row);
          }
        }
        return found;
      },
      async write(written) {
        const made = written.map((row) => line(shape, row));
        const lines = made.filter((one) => typeof one === "string");
        // nothing of a batch that will fail
        if (lines.length < made.length) return made.map((one): WriteOutcome => (typeof one === "string" ? "lost" : one));
        if (lines.length === 0) return [];
        try {
          await client.command({
            query: `insert into ${table} (${names}) settings ${insertSettings} format TabSeparated\n${lines.join("")}`,
          });
        } catch (error) {
          throw isMissing(error) ? lost() : unavailable(what, error);
        }
        return written.map((): WriteOutcome => "written");
      },
    };
  }

  async function read(list: string): Promise<readonly (readonly unknown[])[]> {
    try {
      return await select(`select ${rowSelection} from ${table} final where _key in (${list})`);
    } catch (error) {
      throw isMissing(error) ? lost() : error;
    }
  }

  async function command(query: string): Promise<void> {
    try {
      await client.command({ query });
    } catch (error) {
      throw unavailable(what, error);
    }
  }

  async function select(query: string): Promise<readonly (readonly unknown[])[]> {
    try {
      const long = query.length > longQuery ? { max_query_size: String(4 * query.length) } : {};
      const result = await client.query({ query, format: "JSONCompact", clickhouse_settings: { ...readSettings, ...long } });
      const { data } = await result.json<readonly unknown[]>();
      return data;
    } catch (error) {
      throw isMissing(error) ? error : unavailable(what, error);
    }
  }

  /** Storage that is not there answers nothing. */
  async function there(query: string): Promise<readonly (readonly unknown[])[]> {
    try {
      return await select(query);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }
}

/** A row as the format has it, or why the document is refused. */
function line(shape: Shape, row: DocumentRow): string | { readonly refused: string } {
  const made = row.document === null ? { cells: shape.none } : shape.cells(row.document);
  return "problem" in made ? { refused: made.problem } : tabSeparated([...made.cells, ...ownCells(row)]);
}
