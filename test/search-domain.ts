/** Tasks and people for tests of full-text search: texts in several scripts, lists of them, names that follow renames. */
import { z } from "zod";
import { aggregate } from "../src/core/aggregate.ts";
import { reference } from "../src/core/reference.ts";
import { view } from "../src/core/view.ts";
import type { SearchQuery } from "../src/runtime/search-query.ts";
import { logWriter, type Random } from "./view-domain.ts";

const people = aggregate(
  "people",
  {
    id: "personId",
    commands: {},
    events: { Registered: z.object({ name: z.string() }), Renamed: z.object({ name: z.string() }), Removed: z.object({}) },
    initial: 0,
  },
  { decide: {}, evolve: { Registered: () => 1, Renamed: () => 1, Removed: () => 0 } },
);

const State = z.enum(["OPEN", "DONE", "Éteint"]);
const Task = z.object({
  personId: z.string().nullable(),
  title: z.string().nullable(),
  tags: z.array(z.string()),
  state: State,
  points: z.int().nullable(),
  weight: z.number(),
  urgent: z.boolean().optional(),
});
const tasks = aggregate(
  "tasks",
  { id: "taskId", commands: {}, events: { Put: Task, Gone: z.object({}) }, initial: 0 },
  { decide: {}, evolve: { Put: () => 1, Gone: () => 0 } },
);

const personCards = view(
  "person_cards",
  { document: z.object({ name: z.string() }), from: [people], search: { text: ["name"] } },
  { create: { Registered: ({ data }) => data }, on: { Renamed: (_, { data }) => data, Removed: () => null } },
);

/** Keyed by stream; copies a name that is searched. */
export const searchedTasks = view(
  "searched_tasks",
  {
    document: Task.extend({ taskId: z.string(), personName: z.string().nullable(), nickname: z.string().optional() }),
    from: [tasks],
    indexes: ["points", ["state", "points"], "personId", "urgent", "weight"],
    references: {
      personId: reference(personCards, (card, key) => ({
        personName: card?.name ?? null,
        nickname: card === null ? undefined : `the ${card.name} of ${key}`,
      })),
    },
    search: { text: ["taskId", "personName", "title", "tags", "nickname"], facets: ["state", "personId", "points", "urgent", "weight"] },
  },
  {
    create: { Put: ({ stream, data }) => ({ taskId: stream, ...data }) },
    on: { Put: (task, { data }) => ({ taskId: task.taskId, ...data }), Gone: () => null },
  },
);

/** Keyed by stream; copies nothing. */
export const searchedTitles = view(
  "searched_titles",
  {
    document: z.object({ title: z.string().nullable(), state: State }),
    from: [tasks],
    indexes: ["state"],
    search: { text: ["title"], facets: ["state"] },
  },
  {
    create: { Put: ({ data: { title, state } }) => ({ title, state }) },
    on: { Put: (_, { data: { title, state } }) => ({ title, state }), Gone: () => null },
  },
);

const pool = [
  "coffee",
  "Coffeé-table",
  "COFFEEPOT",
  "Ångström",
  "angstrom",
  "Straße",
  "STRASSE",
  "O'Brien",
  "Łódź",
  "Ærø",
  "İstanbul",
  "東京",
  "𠮷野家",
  "Jose\u0301",
  "josé",
  "x2",
  "42",
  "1,5",
  "…",
  "😀",
  "a\\b 'c' \"d\" & | ! ( ) : * <->",
  "tab\there\nand there",
  `${"long".repeat(30)}er`,
] as const;

/** Fed by all partitions. */
export const searchedTags = view(
  "searched_tags",
  {
    document: z.object({ tag: z.string(), uses: z.int(), said: z.array(z.string()) }),
    from: [tasks],
    indexes: ["uses"],
    search: { text: ["tag", "said"], facets: ["uses"] },
  },
  {
    initial: (tag) => ({ tag, uses: 0, said: [] }),
    key: { Put: ({ data }) => data.tags },
    on: {
      // whatever comes first, the same comes out
      Put: ({ tag, uses }) => (uses === 5 ? null : { tag, uses: uses + 1, said: [`x${uses}`, "coffee", pool[uses]!] }),
    },
  },
);

const sentence = (r: Random, most: number): string => Array.from({ length: r.below(most + 1) }, () => r.pick(pool)).join(" ");

export function randomTasks(r: Random, { partitions, events }: { readonly partitions: number; readonly events: number }) {
  const taskLog = logWriter("tasks", partitions);
  const personLog = logWriter("people", partitions);
  const person = () => `p-${r.below(6)}`;
  const registered = new Set<string>();
  for (let i = 0; i < events; i++) {
    const task = `${r.pick(["T", "t", "é"])}-${r.below(25)}`;
    const dice = r.below(10);
    if (dice === 0) taskLog.add(task, "Gone", {});
    else if (dice < 7)
      taskLog.add(task, "Put", {
        personId: r.below(5) === 0 ? null : person(),
        title: r.below(6) === 0 ? null : sentence(r, 4),
        tags: Array.from({ length: r.below(3) }, () => r.pick(pool)),
        state: r.pick(State.options),
        points: r.below(4) === 0 ? null : r.below(30),
        weight: r.below(6) / 8,
        ...(r.below(2) === 0 ? {} : { urgent: r.below(2) === 0 }),
      });
    else {
      const stream = person();
      const gone = registered.has(stream) && r.below(4) === 0;
      personLog.add(stream, gone ? "Removed" : registered.has(stream) ? "Renamed" : "Registered", gone ? {} : { name: sentence(r, 2) });
      if (gone) registered.delete(stream);
      else registered.add(stream);
    }
  }
  return { tasks: taskLog.byPartition, people: personLog.byPartition };
}

/** Beginnings of words of the pool, and conditions, over the fields that are named. */
export function randomSearch(r: Random, view: { readonly indexes: readonly (readonly string[])[] }): Omit<SearchQuery, "after"> {
  const fields = view.indexes.flat();
  const begun = () => {
    const text = Array.from(r.pick(pool));
    const word = text.slice(0, 1 + r.below(text.length)).join("");
    return r.pick([word, word.toLowerCase(), word.toUpperCase()]);
  };
  const where: Record<string, SearchQuery["where"][string]> = {};
  if (r.below(3) === 0) {
    const field = r.pick(fields);
    if (field === "state") where[field] = r.pick(["OPEN", { in: ["DONE", "Éteint"] }, { not: "OPEN" }]);
    else if (field === "personId") where[field] = r.pick(["p-1", null, { not: null }]);
    else if (field === "urgent") where[field] = r.pick([true, false, null]);
    else where[field] = r.pick([{ gte: 3 }, { lt: 10 }, 2, { not: 1 }]);
  }
  return {
    text: Array.from({ length: r.below(3) }, begun).join(r.pick([" ", "  ", "-", ", "])),
    where,
    order: [...new Set(Array.from({ length: r.below(3) }, () => r.pick(fields)))].map((field) => ({
      field,
      direction: r.pick(["asc", "desc"] as const),
    })),
    limit: 1 + r.below(7),
    ...(r.below(2) === 0 ? {} : { highlight: true }),
  };
}
