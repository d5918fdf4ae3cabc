/** The typed face of a running service over the erased runtime. */
import type { Execute, ReadView } from "../core/index.ts";
import { TidemarkError } from "../errors.ts";
import { formatCursor, parseCursor } from "../http/cursor.ts";
import type { Commands, ExecuteOptions, Queries } from "../runtime/app.ts";
import type { FindQuery, FoundPage } from "../runtime/ports.ts";
import type { SearchQuery } from "../runtime/search-query.ts";

const maxLimit = 100;

/** The types say per command and per view what comes back; the runtime's values are the same. */
export function executeOn(commands: Commands | undefined): Execute<ExecuteOptions> {
  const execute: Commands["execute"] = (command, options) => {
    if (commands === undefined)
      return Promise.reject(
        new TidemarkError("INVALID_SETTING", { setting: "TIDEMARK_ROLES", problem: "this process has not the role 'command'" }),
      );
    return commands.execute(command, options);
  };
  return execute as Execute<ExecuteOptions>;
}

export function readOn(queries: Queries | undefined): ReadView {
  const read = (view: Parameters<ReadView>[0], options: Parameters<ReadView>[1] = {}) => {
    const side = () => {
      if (queries === undefined)
        throw new TidemarkError("INVALID_SETTING", { setting: "TIDEMARK_ROLES", problem: "this process has not the role 'query'" });
      return queries;
    };
    return {
      async get(key: string) {
        const { value, stale, ageMs } = await side().get(view, key, options);
        return value === undefined ? null : { ...value, stale, ageMs };
      },
      async find(query: PageQuery = {}) {
        const { binding, found } = pageOf("find", [view.name], query);
        const { value, stale, ageMs } = await side().find(view, found, options);
        return { items: value.items, nextCursor: cursorOf(binding, value.next), stale, ageMs };
      },
      async search({ text, highlight, ...query }: PageQuery & Pick<SearchQuery, "text" | "highlight">) {
        if (typeof text !== "string")
          throw new TidemarkError("INVALID_INPUT", { what: "search", issues: [{ pointer: "/text", detail: "must be a text" }] });
        const { binding, found } = pageOf("search", [view.name, text], query);
        const asked = { text, ...found, ...(highlight === undefined ? {} : { highlight }) };
        const { value, stale, ageMs } = await side().search(view, asked, options);
        const { next, ...page } = value;
        return { ...page, nextCursor: cursorOf(binding, next), stale, ageMs };
      },
    };
  };
  return read as unknown as ReadView;
}

interface PageQuery {
  readonly where?: FindQuery["where"];
  readonly order?: Readonly<Record<string, "asc" | "desc">>;
  readonly limit?: number;
  readonly cursor?: string;
}

const cursorOf = (binding: string, next: FoundPage["next"]): string | null => (next === null ? null : formatCursor(binding, next));

/** @param asked what a cursor belongs to, beside filters and order. @throws INVALID_INPUT, INVALID_CURSOR */
function pageOf(
  what: string,
  asked: readonly string[],
  { where = {}, cursor, ...query }: PageQuery,
): { readonly binding: string; readonly found: FindQuery } {
  const order = Object.entries(query.order ?? {}).map(([field, direction]) => ({ field, direction }));
  const limit = query.limit ?? 20;
  if (!Number.isInteger(limit) || limit < 1 || limit > maxLimit)
    throw new TidemarkError("INVALID_INPUT", {
      what,
      issues: [{ pointer: "/limit", detail: `must be a whole number from 1 to ${maxLimit}` }],
    });
  const binding = JSON.stringify([...asked, where, order]);
  const fits = (values: readonly unknown[]) => values.length === order.length + 1;
  return { binding, found: { where, order, limit, ...(cursor === undefined ? {} : { after: parseCursor(binding, cursor, fits) }) } };
}
