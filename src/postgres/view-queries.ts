/** Queries of one generation: by keys, and by indexed fields. Only held rows are seen. */
import type { AnyView } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import type { FindQuery, FoundPage, StoredDocument } from "../runtime/ports.ts";
import type { SearchPage, SearchQuery } from "../runtime/search-query.ts";
import { sqlState } from "./sql-errors.ts";
import type { Database, SqlResult, Statement } from "./sql.ts";
import { afterText, orderColumns, orderText, parameters, whereText } from "./view-conditions.ts";
import { documentTable, named, quoted } from "./view-names.ts";
import { selectList, storedDocument, type SqlRow } from "./view-rows.ts";
import { searchPage, searchStatement, type SearchRow } from "./view-search.ts";
import { shapeOf } from "./view-shape.ts";

export interface ViewQueries {
  get(view: AnyView, generation: number, keys: readonly string[]): Promise<readonly (StoredDocument | undefined)[]>;
  find(view: AnyView, generation: number, query: FindQuery): Promise<FoundPage>;
  search(view: AnyView, generation: number, query: SearchQuery): Promise<SearchPage>;
}

const undefinedTable = "42P01";

export function viewQueries(database: Database): ViewQueries {
  const statements = new WeakMap<AnyView, Map<number, ReturnType<typeof named>>>();

  function statementOf(view: AnyView, generation: number): ReturnType<typeof named> {
    const ofView = statements.get(view) ?? new Map<number, ReturnType<typeof named>>();
    statements.set(view, ofView);
    const known =
      ofView.get(generation) ??
      named(
        `select ${selectList(shapeOf(view))} from ${quoted(documentTable(view.name, generation))} where _key = any($1::text[]) and _held`,
      );
    ofView.set(generation, known);
    return known;
  }

  async function rows<R extends SqlRow = SqlRow>(view: AnyView, generation: number, statement: Statement): Promise<SqlResult<R>> {
    try {
      return await database.query<R>(statement);
    } catch (error) {
      if (sqlState(error) === undefinedTable)
        throw new TidemarkError("GENERATION_MOVED", { view: view.name, generation }, { cause: error });
      throw error;
    }
  }

  return {
    async get(view, generation, keys) {
      const shape = shapeOf(view);
      // no document can have another kind of key
      const possible = keys.filter((key) => key.isWellFormed() && !key.includes("\0"));
      const statement = { ...statementOf(view, generation), values: [database.array("text", possible)] };
      const found = new Map((await rows(view, generation, statement)).rows.map((row) => [row._key, row]));
      return keys.map((key) => {
        const row = found.get(key);
        return row === undefined ? undefined : storedDocument(shape, row);
      });
    },
    async find(view, generation, query) {
      const shape = shapeOf(view);
      checkLimit(view, query);
      const order = orderColumns(shape, query.order);
      const to = parameters();
      const conditions = [
        "_held",
        ...whereText(shape, query.where, to),
        ...(query.after === undefined ? [] : [afterText(order, query.after, to)]),
      ];
      const text = `select ${selectList(shape)} from ${quoted(documentTable(view.name, generation))} where ${conditions.join(" and ")} order by ${orderText(order)} limit ${query.limit + 1}`;
      // one more than asked for tells whether there is a next page
      const found = (await rows(view, generation, { text, values: to.values })).rows;
      const page = found.slice(0, query.limit);
      const last = found.length > query.limit ? page.at(-1)! : undefined;
      return {
        items: page.map((row) => storedDocument(shape, row)),
        next: last === undefined ? null : [...query.order.map(({ field }) => last[field] as string | number | boolean | null), last._key],
      };
    },
    async search(view, generation, query) {
      const shape = shapeOf(view);
      checkLimit(view, query);
      const statement = searchStatement(shape, documentTable(view.name, generation), query);
      return searchPage(shape, (await rows<SearchRow>(view, generation, statement)).rows, query);
    },
  };
}

function checkLimit(view: AnyView, { limit }: Pick<FindQuery, "limit">): void {
  if (Number.isSafeInteger(limit) && limit >= 1) return;
  throw new TidemarkError("INVALID_INPUT", {
    what: `The query of view '${view.name}'`,
    issues: [{ pointer: "/limit", detail: "must be a whole number above 0" }],
  });
}
