import { TidemarkError } from "../errors.ts";
/** One index through its alias: rows by key, hits of queries, refreshes. */
import type { WriteOutcome, DocumentRow, DocumentRows } from "../runtime/document-store.ts";
import { type SearchClient, send } from "./client.ts";
import { isTooLarge, type ItemError, outcomeOf, unavailable } from "./errors.ts";
import { indexOf } from "./names.ts";
import { decode, encode, type Layout, mappingOf, type Stored } from "./rows.ts";
import type { Counts } from "./search.ts";

export interface IndexSettings {
  /** 1 unless given: counts of facets are exact with one. Cannot be changed later. */
  readonly shards?: number;
  /** Unless given: one copy where there is a second node, none where there is not. */
  readonly replicas?: number;
}

export interface IndexPlace {
  readonly client: SearchClient;
  readonly settings: IndexSettings;
  /** For messages. */
  readonly what: string;
  /** The storage that was there when work began is not there any more: retired meanwhile, or lost. */
  readonly gone: () => Error;
}

export interface Hits {
  readonly found: readonly Stored[];
  readonly counts: Counts | undefined;
}

export interface IndexAccess extends DocumentRows {
  /** Makes what is missing, where that may be (else null); answers the id that the engine gave the index when it was made. */
  prepare(mayCreate: boolean): Promise<string | null>;
  /** An index that is not there has no hits. */
  search(body: Readonly<Record<string, unknown>>): Promise<Hits>;
  /** An index that is not there has no documents. */
  stored(keys: readonly string[]): Promise<ReadonlyMap<string, Stored>>;
  /** Resolves when queries find everything that was acknowledged before. @throws `gone`, as `write` does */
  refresh(): Promise<void>;
  drop(): Promise<void>;
}

/** Engines take requests of up to 100 MB; small ones share their queues better. */
const bulkBytes = 5_000_000;
const keysPerRead = 1_000;
const missing = "index_not_found_exception";

interface Item {
  readonly index: number;
  readonly lines: string;
}

export function indexAccess({ client, settings, what, gone }: IndexPlace, alias: string, layout: Layout): IndexAccess {
  const down = unavailable(what);
  const broken = (problem: string) => new TidemarkError("UNAVAILABLE", { what: `${what} (${problem})` });
  const index = indexOf(alias);
  const path = (action: string) => `/${encodeURIComponent(alias)}/${action}`;

  async function storageId(): Promise<string | undefined> {
    type Answer = Readonly<Record<string, { readonly settings: { readonly index: { readonly uuid: string } } }>>;
    const { status, body } = await send<Answer>(client, {
      method: "GET",
      path: `/${encodeURIComponent(index)}/_settings/index.uuid`,
      expect: [404],
    });
    return status === 404 ? undefined : body[index]!.settings.index.uuid;
  }

  async function create(): Promise<void> {
    const { shards = 1, replicas } = settings;
    const { status, body } = await send<{ readonly error?: ItemError }>(client, {
      method: "PUT",
      path: `/${encodeURIComponent(index)}`,
      body: {
        aliases: { [alias]: {} },
        settings: {
          "number_of_shards": shards,
          ...(replicas === undefined ? { auto_expand_replicas: "0-1" } : { number_of_replicas: replicas }),
          // a batch is made visible by its own refresh, before the checkpoint follows
          "refresh_interval": "-1",
          "translog.durability": "request",
        },
        mappings: mappingOf(layout),
      },
      expect: [400],
    });
    // somebody else was quicker
    if (status === 400 && body.error?.type !== "resource_already_exists_exception")
      throw new TidemarkError("INVALID_DEFINITION", {
        what: `${what} refuses the index ${index}: ${body.error?.reason ?? "no reason given"}`,
      });
  }

  /** null: there is no such index. */
  async function readPage(keys: readonly string[]): Promise<readonly Stored[] | null> {
    interface Doc {
      readonly found?: boolean;
      readonly _source?: Stored;
      readonly error?: ItemError;
    }
    const { status, body } = await send<{ readonly docs: readonly Doc[] }>(client, {
      method: "POST",
      path: path("_mget"),
      body: { ids: keys },
      expect: [404],
    });
    if (status === 404 || body.docs.some(({ error }) => error?.type === missing)) return null;
    return body.docs.flatMap(({ found, _source, error }) => {
      if (error !== undefined) throw broken(`a document was not read: ${error.type}: ${error.reason}`);
      return found === true ? [_source!] : [];
    });
  }

  async function stored(keys: readonly string[]): Promise<ReadonlyMap<string, Stored> | null> {
    const found = new Map<string, Stored>();
    try {
      for (let from = 0; from < keys.length; from += keysPerRead) {
        const page = await readPage(keys.slice(from, from + keysPerRead));
        if (page === null) return null;
        for (const one of page) found.set(one.key, one);
      }
    } catch (error) {
      throw down(error);
    }
    return found;
  }

  /** One request; in halves where the engine finds it too large. */
  async function bulk(items: readonly Item[], outcomes: WriteOutcome[]): Promise<void> {
    interface Answer {
      readonly items: readonly { readonly index: { readonly status: number; readonly error?: ItemError } }[];
    }
    let answer: Answer;
    try {
      const request = { method: "POST", path: path("_bulk"), lines: items.map(({ lines }) => lines).join("") } as const;
      // nothing else of the answer is read; and what is no alias any more takes no document, nor is it made by one
      const query = { require_alias: "true", filter_path: "items.index.status,items.index.error.type,items.index.error.reason" };
      answer = (await send<Answer>(client, { ...request, query })).body;
    } catch (error) {
      if (!isTooLarge(error)) throw down(error);
      if (items.length === 1) outcomes[items[0]!.index] = { refused: "the search engine takes no request as large as the document" };
      else for (const half of [items.slice(0, items.length / 2), items.slice(items.length / 2)]) await bulk(half, outcomes);
      return;
    }
    if (answer.items?.length !== items.length) throw broken("a bulk request was not answered item by item");
    for (const [i, item] of items.entries()) {
      const { status, error } = answer.items[i]!.index;
      if (status === 404) throw gone();
      outcomes[item.index] = outcomeOf(status, error, what);
    }
  }

  return {
    stored: async (keys) => (await stored(keys)) ?? new Map<string, Stored>(),
    async prepare(mayCreate) {
      try {
        let id = await storageId();
        if (id === undefined) {
          if (!mayCreate) return null;
          await create();
          id = await storageId();
        }
        if (id === undefined) throw broken(`the index ${index} went as soon as it was made`);
        return id;
      } catch (error) {
        throw down(error);
      }
    },
    async read(keys) {
      const found = await stored(keys);
      if (found === null) throw gone();
      return new Map([...found].map(([key, one]) => [key, decode(one)]));
    },
    async write(rows: readonly DocumentRow[]) {
      const outcomes: WriteOutcome[] = rows.map(() => "written");
      let items: Item[] = [];
      let bytes = 0;
      for (const [i, row] of rows.entries()) {
        const encoded = encode(layout, row);
        if ("refused" in encoded) {
          outcomes[i] = { refused: encoded.refused };
          continue;
        }
        const size = Buffer.byteLength(encoded.lines);
        if (items.length > 0 && bytes + size > bulkBytes) {
          await bulk(items, outcomes);
          items = [];
          bytes = 0;
        }
        items.push({ index: i, lines: encoded.lines });
        bytes += size;
      }
      if (items.length > 0) await bulk(items, outcomes);
      return outcomes;
    },
    async search(body) {
      interface Answer {
        readonly hits: { readonly hits: readonly { readonly _source: Stored }[] };
        readonly aggregations?: Counts;
        readonly timed_out: boolean;
        readonly _shards: { readonly failed: number };
      }
      try {
        const query = { allow_partial_search_results: "false" };
        const answer = await send<Answer>(client, { method: "POST", path: path("_search"), query, body, expect: [404] });
        if (answer.status === 404) return { found: [], counts: undefined };
        const { hits, aggregations, timed_out, _shards } = answer.body;
        if (timed_out || _shards.failed > 0) throw broken("a query was answered in part");
        return { found: hits.hits.map(({ _source }) => _source), counts: aggregations };
      } catch (error) {
        throw down(error);
      }
    },
    async refresh() {
      try {
        type Answer = { readonly _shards: { readonly failed: number } };
        const { status, body } = await send<Answer>(client, { method: "POST", path: path("_refresh"), expect: [404] });
        if (status === 404) throw gone();
        if (body._shards.failed > 0) throw broken("a shard was not refreshed");
      } catch (error) {
        throw down(error);
      }
    },
    async drop() {
      try {
        await send(client, { method: "DELETE", path: `/${encodeURIComponent(index)}`, expect: [404] });
      } catch (error) {
        throw down(error);
      }
    },
  };
}
