/** GET of one document. */
import { hash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { AnyView } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import type { Queries } from "../runtime/app.ts";
import { askedFor, viewHeaders } from "./consistency.ts";
import { problem } from "./problem.ts";
import { parseQueryString } from "./query-string.ts";
import { json, jsonType, type Reply } from "./reply.ts";
import type { GetRoute } from "./route-types.ts";
import type { ApiRoute, HttpApi } from "./routes.ts";
import { documentKeySchema, keyProblems } from "./stream-key.ts";

export interface QueryRequest {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly params: Readonly<Record<string, string>>;
}

const noParameters: ReadonlySet<string> = new Set();

export function getRoute(route: ApiRoute<GetRoute>, api: HttpApi, queries: Queries): (request: QueryRequest) => Promise<Reply> {
  const { view, as } = route.target;
  const parameter = route.parameters[0]!;
  const keySchema = documentKeySchema(view);
  const absent = notFoundOf(route.target, api);

  return async (request) => {
    const asked = askedFor(request.headers);
    parseQueryString(request.url, noParameters);
    const key = request.params[parameter]!;
    const problems = keyProblems(keySchema, key);
    if (problems.length > 0) throw new TidemarkError("INVALID_PARAMETER", { issues: problems.map((detail) => ({ parameter, detail })) });

    const read = await queries.get(view, key, asked.options);
    const headers = viewHeaders(read, asked);
    if (read.value === undefined) return problem({ status: 404, ...absent }, headers);
    const { document, version, lastUpdated } = read.value;
    const body = json({ [as]: api.encode(view.document, document), version, lastUpdated, stale: read.stale });
    const etag = `W/"${hash("sha1", body, "base64url")}"`;
    if (matches(request.headers["if-none-match"], etag)) return { status: 304, headers: { ...headers, etag }, body: null };
    return { status: 200, headers: { "content-type": jsonType, ...headers, etag }, body };
  };
}

/** Weak comparison (RFC 9110, 8.8.3.2). */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.trim() === "*" || ifNoneMatch.split(",").some((tag) => tag.trim() === etag || `W/${tag.trim()}` === etag);
}

/** The 404 that the commands on the same thing give: clients meet one code for one fact. */
export function notFoundOf({ notFound, view }: GetRoute, api: HttpApi): { readonly code: string; readonly detail: string } {
  const reasons = reasonsOf(view);
  const candidates = Object.keys(reasons).filter((name) => api.statuses[name] === 404);
  const code = notFound ?? (candidates.length === 1 ? candidates[0]! : "NOT_FOUND");
  const reason = reasons[code];
  return { code, detail: typeof reason === "string" ? reason : "There is no such document." };
}

/** A group is nothing that a command is about. */
const reasonsOf = (view: AnyView) => (view.kind === "rollup" ? {} : (view.from[0]?.reasons ?? {}));
