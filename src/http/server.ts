/** The HTTP server of one process: the routes of its roles, and what every process serves. */
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import type { Commands, Health, Queries } from "../runtime/app.ts";
import type { CommandAcceptance } from "../runtime/command-acceptance.ts";
import type { Logger } from "../runtime/ports.ts";
import { maxBodyBytes } from "./body.ts";
import { answerClientError } from "./client-error.ts";
import { commandRoute } from "./command-route.ts";
import { docsPage } from "./docs-page.ts";
import { findRoute } from "./find-route.ts";
import { translate } from "./framework-fault.ts";
import { getRoute } from "./get-route.ts";
import { livez, readyz } from "./health.ts";
import { httpMetrics, metricsType } from "./metrics.ts";
import { openApi, type OpenApiDocument } from "./openapi.ts";
import { pathTable } from "./path-table.ts";
import { isInternal, problemOf } from "./problem.ts";
import { json, jsonType, type Reply } from "./reply.ts";
import { commandStatus } from "./respond-async.ts";
import type { FindRoute, GetRoute, SearchRoute } from "./route-types.ts";
import type { ApiRoute, HttpApi } from "./routes.ts";
import { searchRoute } from "./search-route.ts";

export interface HttpServerOptions {
  /** Needed by the role command. */
  readonly commands?: Commands | undefined;
  /** Of the role command: `Prefer: respond-async` and `/commands/{id}`. Without it the one is ignored and the other not there. */
  readonly acceptance?: CommandAcceptance | undefined;
  /** Needed by the role query. */
  readonly queries?: Queries | undefined;
  readonly health: Health;
  /** Of `command` and `query`, which this process serves; other roles have no routes here. */
  readonly roles: Iterable<string>;
  readonly logger: Logger;
  /** Lines for /metrics from other parts of the process, in Prometheus' text format. */
  readonly metrics?: () => string | Promise<string>;
}

export interface HttpServer {
  /** For `inject` in tests, and for routes of the user's own before `listen`. */
  readonly fastify: FastifyInstance;
  readonly openApi: OpenApiDocument;
  /** @throws INVALID_SETTING where the address cannot be had */
  listen(address: { readonly host: string; readonly port: number }): Promise<{ readonly url: string }>;
  /** Lets requests under way finish, and no connection outlive its last one. */
  close(): Promise<void>;
}

type Handler = (request: FastifyRequest) => Promise<Reply> | Reply;

/** @throws INVALID_DEFINITION for routes that cannot be served, and for a role without its part */
export function httpServer(api: HttpApi, options: HttpServerOptions): HttpServer {
  const { logger, health } = options;
  const served = routesOf(api, new Set(options.roles));
  const { acceptance } = options;
  const document = openApi(api, served, acceptance !== undefined);
  const metrics = httpMetrics(Date.now() - performance.now());
  const docs = docsPage(api.title);
  const platform: readonly (readonly [string, Handler])[] = [
    ["/livez", livez],
    ["/readyz", () => readyz(health, (error) => logger.error("The health checks failed.", { error: stackOf(error) }))],
    [
      "/metrics",
      async () => ({
        status: 200,
        headers: { "content-type": metricsType, "cache-control": "no-store" },
        body: metrics.text(await options.metrics?.()),
      }),
    ],
    ["/openapi.json", () => ({ status: 200, headers: { "content-type": jsonType }, body: json(document) })],
    ...(acceptance === undefined
      ? []
      : [["/commands/{id}", (request: FastifyRequest) => commandStatus(acceptance, paramsOf(request)["id"] ?? "")] as const]),
    ["/docs", docs.page],
    ["/docs/scalar.js", docs.script],
  ];
  const paths = pathTable([...served, ...platform.map(([path]) => ({ method: "GET", path }))]);

  const app = fastify({
    bodyLimit: maxBodyBytes,
    requestTimeout: 60_000,
    return503OnClosing: false,
    forceCloseConnections: "idle",
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => void fail(error, request, reply),
    // Ids are checked by their schema; a longer one is 422, not an unknown path.
    routerOptions: { maxParamLength: 16_384, querystringParser: () => ({}) },
  });
  app.removeAllContentTypeParsers();
  // By its name too: a type that is only met by "*" is parsed again for each request.
  for (const type of ["application/json", "*"])
    app.addContentTypeParser(type, { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.setErrorHandler(fail);
  app.setNotFoundHandler((request, reply) => notFound(request, reply));
  // Node answers an unknown expectation by a bare 417; it may be ignored instead (RFC 9110, 10.1.1).
  app.server.on("checkExpectation", (request, response) => app.server.emit("request", request, response));

  let closing = false;

  const add = (method: "GET" | "POST", path: string, handler: Handler) =>
    app.route({
      method,
      url: path.replace(/\{(\w+)\}/g, ":$1"),
      handler: (request, reply) => answer(request, reply, path, handler),
    });
  for (const route of served) add(route.method, route.path, handlerOf(route, api, options));
  for (const [path, handler] of platform) add("GET", path, handler);

  /** Sends by itself: an async handler costs a promise more, and what Fastify puts around it. A fault goes the way of Fastify's own. */
  function answer(request: FastifyRequest, reply: FastifyReply, template: string, handler: Handler): void {
    const answered = handler(request);
    if (answered instanceof Promise) {
      answered
        .then((found) => send(request, reply, template, found))
        .catch((error: unknown) => reply.send(error instanceof Error ? error : new Error(String(error), { cause: error })));
    } else send(request, reply, template, answered);
  }

  function fail(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    // Whatever is wrong with the rest of it: a request that no route takes is answered as such.
    if (request.is404) return notFound(request, reply);
    const fault = translate(error);
    if (isInternal(fault)) logger.error("A request failed.", { method: request.method, path: pathOf(request), error: stackOf(fault) });
    else if (isTidemarkError(fault, "UNAVAILABLE"))
      logger.warn("A request met a part that cannot be reached.", { method: request.method, path: pathOf(request), error: fault.message });
    return send(request, reply, templateOf(request), problemOf(fault));
  }

  function notFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const answer = (refusal: Reply) => send(request, reply, unknownRoute, refusal);
    const allow = paths.allowed(pathOf(request));
    if (allow.length === 0) return answer(problemOf(new TidemarkError("NOT_FOUND", { what: "This path" })));
    if (request.method === "OPTIONS") return answer({ status: 204, headers: { allow: allow.join(", ") }, body: null });
    return answer(problemOf(new TidemarkError("METHOD_NOT_ALLOWED", { method: request.method, allow })));
  }

  /** Counted here and not in a hook: a hook on the response costs every request two listeners. */
  function send(request: FastifyRequest, reply: FastifyReply, template: string, { status, headers, body }: Reply): FastifyReply {
    metrics.count(request.method, template, status);
    // A connection that is kept after its last answer would keep the closing server for as long as it may be idle.
    if (closing) reply.header("connection", "close");
    return reply
      .code(status)
      .headers(headers)
      .send(body ?? undefined);
  }

  return {
    fastify: app,
    openApi: document,
    async listen({ host, port }) {
      try {
        return { url: await app.listen({ host, port }) };
      } catch (cause) {
        throw new TidemarkError(
          "INVALID_SETTING",
          { setting: "PORT", problem: `${host}:${port} cannot be listened on (${cause instanceof Error ? cause.message : String(cause)})` },
          { cause },
        );
      }
    },
    close: () => {
      closing = true;
      return app.close();
    },
  };
}

function routesOf(api: HttpApi, roles: ReadonlySet<string>): readonly ApiRoute[] {
  return api.routes.filter((route) => roles.has(route.method === "POST" ? "command" : "query"));
}

/** Who asks is the same for all until there is authentication. */
const principal = "anonymous";

function handlerOf(route: ApiRoute, api: HttpApi, { commands, queries, acceptance }: HttpServerOptions): Handler {
  const { target } = route;
  if (target.kind === "command") {
    const handle = commandRoute({ ...route, target }, api, commands ?? missing("command", "commands"), acceptance);
    return (request) =>
      handle({
        url: request.raw.url ?? "/",
        headers: request.headers,
        rawHeaders: request.raw.rawHeaders,
        params: paramsOf(request),
        body: request.body as Buffer | undefined,
        principal,
      });
  }
  const ask = queries ?? missing("query", "queries");
  const handle = queryHandler({ ...route, target }, api, ask);
  return (request) => handle({ url: request.raw.url ?? "/", headers: request.headers, params: paramsOf(request) });
}

function queryHandler(route: ApiRoute<FindRoute | GetRoute | SearchRoute>, api: HttpApi, queries: Queries) {
  const { target } = route;
  if (target.kind === "get") return getRoute({ ...route, target }, api, queries);
  return target.kind === "find" ? findRoute({ ...route, target }, api, queries) : searchRoute({ ...route, target }, api, queries);
}

const missing = (role: string, part: string): never => {
  throw new TidemarkError("INVALID_DEFINITION", { what: `The role ${role} needs '${part}'.` });
};

/** `/orders/` is no order: the router gives it as an empty parameter. */
function paramsOf(request: FastifyRequest): Readonly<Record<string, string>> {
  const params = request.params as Readonly<Record<string, string>>;
  for (const name in params) if (params[name] === "") throw new TidemarkError("NOT_FOUND", { what: "This path" });
  return params;
}

const unknownRoute = "none";

/** The route as written; bounded in number, unlike paths. */
const templateOf = (request: FastifyRequest): string => request.routeOptions.url?.replace(/:(\w+)/g, "{$1}") ?? unknownRoute;

const pathOf = (request: FastifyRequest): string => (request.raw.url ?? "/").split(/[?#]/, 1)[0]!;

const stackOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\ncaused by ${stackOf(error.cause)}`;
};
