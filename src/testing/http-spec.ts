/** Given the events of some streams, when requests, then answers: of the real routes, on stores in memory. */
import { formatToken, parseToken, type Token } from "../core/index.ts";
import type { Service } from "../service/service.ts";
import type { StreamHistory } from "./history.ts";
import { requireAnswer, type HttpExpectation } from "./http-expectation.ts";
import { testApp, type TestAppOptions } from "./test-app.ts";
import { parseRequest, type TestAnswer, type TestRequest } from "./test-request.ts";

export type HttpSpecOptions = Omit<TestAppOptions, "given">;

export interface HttpSpecRequest extends TestRequest {
  /** false: a GET does not carry the tokens of the answers before it. It carries none either where its headers have one. */
  readonly token?: boolean;
}

export interface HttpSpec {
  /** What happened before; more than one call adds up. */
  given(...streams: readonly StreamHistory[]): HttpSpec;
  /** @param request method and path, such as "POST /orders/o-1/submit". @throws TypeError for what is no request */
  when(request: string, options?: HttpSpecRequest): HttpOutcome;
}

export interface HttpOutcome {
  /** Ends a step; the case is to be awaited, or to be gone on with. */
  then(expected: HttpExpectation): HttpCase;
}

/** Resolves to the last answer. @throws AssertionError where an answer is not the expected one; the requests after it are not sent */
export interface HttpCase extends Promise<TestAnswer> {
  /** One more request to the same service. @param request as before, or made from the last answer */
  when(request: string | ((last: TestAnswer) => string), options?: HttpSpecRequest): HttpOutcome;
}

interface Setting {
  readonly service: Service;
  readonly options: HttpSpecOptions;
  readonly given: readonly StreamHistory[];
}

interface Step {
  readonly request: string | ((last: TestAnswer) => string);
  readonly options: HttpSpecRequest;
  readonly expected: HttpExpectation;
  /** Where the test says it. */
  readonly site: { stack?: string };
}

export function httpSpec(service: Service, options: HttpSpecOptions = {}, given: readonly StreamHistory[] = []): HttpSpec {
  const setting = { service, options, given };
  const spec = {
    given: (...streams: readonly StreamHistory[]) => httpSpec(service, options, [...given, ...streams]),
    when: (request: string, asked: HttpSpecRequest = {}) => outcome(setting, [], request, asked),
    // not in its type: only an await finds it
    then(): never {
      throw new TypeError("This spec says nothing yet: 'when' and 'then' must follow before it is awaited.");
    },
  };
  return spec;
}

function outcome(
  setting: Setting,
  before: readonly Step[],
  request: Step["request"],
  options: HttpSpecRequest,
  onThen?: () => void,
): HttpOutcome {
  if (typeof request === "string") parseRequest(request);
  return {
    then: function then(expected) {
      // an await calls it with two functions
      if (typeof expected === "function") throw new TypeError("This spec is not finished: 'then' must follow 'when' before it is awaited.");
      const site: { stack?: string } = {};
      Error.captureStackTrace(site, then);
      onThen?.();
      return httpCase(setting, [...before, { request, options, expected, site }]);
    },
  };
}

function httpCase(setting: Setting, steps: readonly Step[]): HttpCase {
  let running: Promise<TestAnswer> | undefined;
  let continued = false;
  const run = () => (running ??= runCase(setting, steps));
  // a case that nobody awaits runs too: its failure is an unhandled rejection, not a test that passes
  queueMicrotask(() => {
    if (!continued) void run();
  });
  return {
    when(request, options = {}) {
      return outcome(setting, steps, request, options, () => (continued = true));
    },
    then(onFulfilled, onRejected) {
      if (typeof onFulfilled === "object" && onFulfilled !== null)
        throw new TypeError("After 'then' comes 'when': one request has one expectation.");
      return run().then(onFulfilled, onRejected);
    },
    catch: (onRejected) => run().catch(onRejected),
    finally: (onFinally) => run().finally(onFinally),
    [Symbol.toStringTag]: "HttpCase",
  };
}

async function runCase({ service, options, given }: Setting, steps: readonly Step[]): Promise<TestAnswer> {
  const app = await testApp(service, { ...options, given });
  try {
    let last: TestAnswer | undefined;
    let token: Token | undefined;
    for (const step of steps) {
      const request = typeof step.request === "string" ? step.request : step.request(last!);
      const sent = withToken(request, step.options, token);
      last = await app.request(request, sent);
      requireAnswer({ request, sent, expected: step.expected, answer: last, problems: app.problems }, step.site);
      const next = last.headers["consistency-token"];
      if (next !== undefined) token = formatToken([...(token === undefined ? [] : parseToken(token)), ...parseToken(next)]);
    }
    return last!;
  } finally {
    await app.close();
  }
}

function withToken(request: string, { headers = {}, body, token: carry = true }: HttpSpecRequest, token: Token | undefined): TestRequest {
  const own = Object.keys(headers).some((name) => name.toLowerCase() === "consistency-token");
  const carried = carry && !own && token !== undefined && request.startsWith("GET ") ? { "consistency-token": token } : {};
  return { headers: { ...headers, ...carried }, ...(body === undefined ? {} : { body }) };
}
