/**
 * Commands and queries over definitions, in maps, in one process: a driver for tests of what stands above them.
 * Decisions and folds are the definitions' own. Not simulated: concurrency, durability, partitions, time.
 */
import { meets, scalarOf } from "../src/core/condition.ts";
import type { AnyAggregate, AnyView, Document } from "../src/core/definition.ts";
import type { LogEvent } from "../src/core/message.ts";
import { fillReferences } from "../src/core/reference.ts";
import { groupsOf as groupsOfRows } from "../src/core/rollup-groups.ts";
import { rowsOf } from "../src/core/rollup-rules.ts";
import { validateInput } from "../src/core/schema.ts";
import { formatToken, parseToken, type TokenPart } from "../src/core/token.ts";
import { TidemarkError } from "../src/errors.ts";
import type { Commands, Health, Outcome, Queries, Read, ReadOptions } from "../src/runtime/app.ts";
import type { FindQuery, FoundPage, StoredDocument } from "../src/runtime/ports.ts";
import { checkSearch } from "../src/runtime/search-check.ts";
import { search } from "../src/runtime/search-in-memory.ts";

export interface InMemoryApp {
  readonly commands: Commands;
  readonly queries: Queries;
  readonly health: Health;
  /** While set, views do not follow. */
  paused: boolean;
  /** While set, every call fails with it. */
  fault: Error | undefined;
}

const logId = "01934f5c-7d10-7000-8000-000000000001";

export function inMemoryApp(): InMemoryApp {
  const streams = new Map<string, { state: unknown; version: number }>();
  const answers = new Map<string, { fingerprint: string; outcome: Outcome }>();
  const events: LogEvent[] = [];
  let applied = 0;

  const positionIn = (log: string, upTo: number): number => events.slice(0, upTo).filter((event) => event.log === log).length;
  const tokenOf = (log: string) => formatToken([{ log, logId, partition: 0, position: positionIn(log, events.length) }]);

  const app: InMemoryApp = {
    paused: false,
    fault: undefined,
    health: {
      ready: async () => ({
        ready: !app.paused,
        checks: [{ name: "views", status: app.paused ? "fail" : "pass", message: app.paused ? "paused" : "following" }],
      }),
    },
    commands: {
      execute: async (command, options = {}) => {
        if (app.fault !== undefined) throw app.fault;
        const { aggregate, type, stream } = command;
        const input = validateInput(aggregate.commandSchemas[type]!, command.data);
        if (input.issues !== undefined) throw new TidemarkError("INVALID_INPUT", { what: type, issues: input.issues });
        const commandId = options.commandId ?? crypto.randomUUID();
        const fingerprint = JSON.stringify([type, stream, input.value]);
        const first = answers.get(commandId);
        if (first !== undefined && first.fingerprint !== fingerprint) throw new TidemarkError("IDEMPOTENCY_KEY_REUSED", { commandId });
        if (first !== undefined) return { ...first.outcome, replayed: true };
        const outcome = decide(aggregate, { type, stream, data: input.value }, commandId, options.expectedVersion);
        answers.set(commandId, { fingerprint, outcome });
        return outcome;
      },
    },
    queries: {
      get: async (view, key, options) => read(view, options, (documents) => documents.get(key)),
      find: async (view, { where, order, limit, after }, options) =>
        read(view, options, (documents) => page(documents, where, order, limit, after)),
      search: async (view, query, options) => {
        checkSearch(view, query);
        return read(view, options, (documents) => search(view, documents, query));
      },
    },
  };

  function decide(
    aggregate: AnyAggregate,
    command: { type: string; stream: string; data: unknown },
    commandId: string,
    expected: unknown,
  ): Outcome {
    const key = `${aggregate.name}/${command.stream}`;
    const { state, version } = streams.get(key) ?? { state: aggregate.initial, version: 0 };
    const mismatch = Array.isArray(expected)
      ? !expected.includes(version)
      : typeof expected === "number"
        ? expected !== version
        : expected === "existing" && version === 0;
    if (mismatch && version > 0)
      throw new TidemarkError("VERSION_MISMATCH", { stream: command.stream, expected: String(expected), actual: version });
    const decision = aggregate.decide(state, command);
    if ("rejected" in decision) return { accepted: false, commandId, replayed: false, ...decision.rejected };
    let next = state;
    decision.events.forEach((event, index) => {
      next = aggregate.evolve(next, event);
      const time = new Date(Date.UTC(2026, 2, 1, 10) + events.length * 1_000).toISOString();
      events.push({
        ...event,
        log: aggregate.name,
        partition: 0,
        position: positionIn(aggregate.name, events.length) + 1,
        stream: command.stream,
        version: version + index + 1,
        schemaVersion: 1,
        id: crypto.randomUUID(),
        time,
        metadata: { time, commandId, correlationId: commandId, causationId: commandId },
      });
    });
    streams.set(key, { state: next, version: version + decision.events.length });
    return {
      accepted: true,
      commandId,
      stream: command.stream,
      version: version + decision.events.length,
      token: tokenOf(aggregate.name),
      replayed: false,
    };
  }

  /** Every read folds everything: what is read is a function of the events alone. */
  function documentsOf(view: AnyView): Map<string, StoredDocument> {
    if (view.rollup !== undefined) return groupsOfRows(view.rollup, documentsOf(rowsOf(view)).values());
    const documents = new Map<string, StoredDocument>();
    for (const event of events.slice(0, applied)) {
      if (!view.from.some((log) => log.name === event.log) || !view.handles(event)) continue;
      for (const key of view.keys(event)) {
        const document = view.fold(documents.get(key)?.document ?? null, event, key);
        if (document === null) documents.delete(key);
        else documents.set(key, { document, version: event.version, lastUpdated: event.time });
      }
    }
    const referenced = new Map(Object.entries(view.references).map(([field, reference]) => [field, documentsOf(reference.view)]));
    const fill = (document: Document) => fillReferences(view, document, (field, key) => referenced.get(field)?.get(key)?.document ?? null);
    return new Map([...documents].map(([key, stored]) => [key, { ...stored, document: fill(stored.document) }]));
  }

  async function read<T>(
    view: AnyView,
    options: ReadOptions | undefined,
    take: (documents: Map<string, StoredDocument>) => T,
  ): Promise<Read<T>> {
    if (app.fault !== undefined) throw app.fault;
    if (!app.paused) applied = events.length;
    const parts: readonly TokenPart[] = typeof options?.token === "string" ? parseToken(options.token) : (options?.token ?? []);
    const consumed = parts.filter((part) => view.logs.includes(part.log));
    if (consumed.some((part) => part.logId !== logId || part.partition !== 0))
      throw new TidemarkError("INVALID_TOKEN", { problem: "it is of another log" });
    const behind = consumed.some((part) => part.position > positionIn(part.log, applied));
    if (behind && options?.allowStale !== true)
      throw new TidemarkError("READ_MODEL_BEHIND", { view: view.name, waitedMs: options?.waitMs ?? 5_000, ageMs: 1_500 });
    return { value: take(documentsOf(view)), stale: behind || applied < events.length, ageMs: app.paused ? 1_500 : 0 };
  }
  return app;
}

function page(
  documents: Map<string, StoredDocument>,
  where: FindQuery["where"],
  order: readonly { field: string; direction: "asc" | "desc" }[],
  limit: number,
  after?: readonly unknown[],
): FoundPage {
  const rankOf = (key: string, { document }: StoredDocument) => [...order.map(({ field }) => document[field] as string | number), key];
  const compare = (a: readonly unknown[], b: readonly unknown[]): number => {
    for (let at = 0; at < a.length; at++) {
      const sign = (order[at] ?? order.at(-1))?.direction === "desc" ? -1 : 1;
      if (a[at] !== b[at]) return (a[at] as string) < (b[at] as string) ? -sign : sign;
    }
    return 0;
  };
  const rows = [...documents]
    .filter(([, { document }]) => Object.entries(where).every(([field, condition]) => meets(scalarOf(document[field]), condition)))
    .map(([key, stored]) => ({ rank: rankOf(key, stored), stored }));
  const rest = rows.sort((a, b) => compare(a.rank, b.rank)).filter(({ rank }) => after === undefined || compare(rank, after) > 0);
  const items = rest.slice(0, limit);
  return { items: items.map(({ stored }) => stored), next: rest.length > limit ? items.at(-1)!.rank : null };
}
