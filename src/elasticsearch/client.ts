/** What the official clients of Elasticsearch and OpenSearch have in common: requests by method and path. Nothing else of them is used, so one code serves both. */

/** `Client` of `@opensearch-project/opensearch` and of `@elastic/elasticsearch`. */
export interface SearchClient {
  readonly transport: {
    request(params: TransportParams, options?: TransportOptions): PromiseLike<unknown>;
  };
  close(): PromiseLike<unknown>;
}

interface TransportParams {
  readonly method: string;
  readonly path: string;
  readonly querystring?: Record<string, string>;
  readonly body?: Record<string, unknown>;
  readonly bulkBody?: string;
}

interface TransportOptions {
  readonly ignore?: number[];
  readonly maxRetries?: number;
  readonly meta?: boolean;
}

export interface SearchRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, unknown>>;
  /** Lines of a bulk request, in place of `body`. */
  readonly lines?: string;
  /** Statuses that are answers here, not errors. */
  readonly expect?: readonly number[];
}

export interface SearchAnswer<T> {
  readonly status: number;
  readonly body: T;
}

/** @throws whatever the client does */
export async function send<T>(client: SearchClient, request: SearchRequest): Promise<SearchAnswer<T>> {
  const { method, path, query, body, lines, expect } = request;
  const params: TransportParams = {
    method,
    path,
    ...(query === undefined ? {} : { querystring: { ...query } }),
    ...(body === undefined ? {} : { body }),
    ...(lines === undefined ? {} : { bulkBody: lines }),
  };
  const answer = (await client.transport.request(params, {
    // Elasticsearch's client answers the bare body unless it is asked
    meta: true,
    // one that is sent twice would meet its own first attempt as a rival
    ...(lines === undefined ? {} : { maxRetries: 0 }),
    ...(expect === undefined ? {} : { ignore: [...expect] }),
  })) as { readonly statusCode: number; readonly body: T };
  return { status: answer.statusCode, body: answer.body };
}
