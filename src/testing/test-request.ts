/** A request as a test writes it, and its answer as a test reads it. */
import type { HttpServer } from "../http/index.ts";

export interface TestRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, `application/json` unless the headers say otherwise. */
  readonly body?: unknown;
}

export interface TestAnswer {
  readonly status: number;
  /** Names in small letters; several lines of one name are joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Decoded where it is JSON, text where it is not, null where there is none. */
  readonly body: unknown;
}

/** @throws TypeError for what is no request */
export function parseRequest(request: string): { readonly method: string; readonly url: string } {
  const [, method, url] = /^([A-Z]+) (\/\S*)$/.exec(request) ?? [];
  if (method === undefined || url === undefined)
    throw new TypeError(`'${request}' is no request: it is a method and a path, such as "GET /orders".`);
  return { method, url };
}

/** In process, without a socket. */
export async function ask(server: HttpServer, request: string, { headers = {}, body }: TestRequest = {}): Promise<TestAnswer> {
  const { method, url } = parseRequest(request);
  const own = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  if (body !== undefined && !own.has("content-type")) own.set("content-type", "application/json");
  const answer = await server.fastify.inject({
    method: method as "GET",
    url,
    headers: Object.fromEntries(own),
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  const type = answer.headers["content-type"] ?? "";
  return {
    status: answer.statusCode,
    headers: Object.fromEntries(
      Object.entries(answer.headers).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : String(value)]],
      ),
    ),
    body: answer.body === "" ? null : /^application\/(?:[\w.-]+\+)?json\b/.test(type) ? (JSON.parse(answer.body) as unknown) : answer.body,
  };
}
