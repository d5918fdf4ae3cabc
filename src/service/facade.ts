/** The typed face of a running service over the erased runtime. */
import type { Execute, ReadView } from "../core/index.ts";
import { TidemarkError } from "../errors.ts";
import { formatCursor, parseCursor } from "../http/cursor.ts";
import type { Commands, ExecuteOptions, Queries } from "../runtime/app.ts";
import type { FindQuery } from "../runtime/ports.ts";

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
      async find(
        query: { where?: FindQuery["where"]; order?: Readonly<Record<string, "asc" | "desc">>; limit?: number; cursor?: string } = {},
      ) {
        const order = Object.entries(query.order ?? {}).map(([field, direction]) => ({ field, direction }));
        const limit = query.limit ?? 20;
        if (!Number.isInteger(limit) || limit < 1 || limit > maxLimit)
          throw new TidemarkError("INVALID_INPUT", {
            what: "find",
            issues: [{ pointer: "/limit", detail: `must be a whole number from 1 to ${maxLimit}` }],
          });
        const where = query.where ?? {};
        const binding = JSON.stringify([view.name, where, order]);
        const fits = (values: readonly unknown[]) => values.length === order.length + 1;
        const after = query.cursor === undefined ? {} : { after: parseCursor(binding, query.cursor, fits) };
        const { value, stale, ageMs } = await side().find(view, { where, order, limit, ...after }, options);
        return { items: value.items, nextCursor: value.next === null ? null : formatCursor(binding, value.next), stale, ageMs };
      },
    };
  };
  return read as unknown as ReadView;
}
