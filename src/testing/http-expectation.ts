/** What a test expects of an answer, and how it is told where another one came. */
import { AssertionError } from "node:assert/strict";
import { inspect, isDeepStrictEqual } from "node:util";
import { partLike } from "./part.ts";
import type { TestAnswer, TestRequest } from "./test-request.ts";

/** What is named is compared. */
export interface HttpExpectation {
  readonly status: number;
  /** By name, whatever its case; null: it is not there. */
  readonly headers?: Readonly<Record<string, string | RegExp | null>>;
  /** Members that are not named are not compared, in the elements of arrays neither; arrays have as many elements as are named. */
  readonly body?: unknown;
}

export interface Answered {
  readonly request: string;
  readonly sent: TestRequest;
  readonly expected: HttpExpectation;
  readonly answer: TestAnswer;
  readonly problems: readonly string[];
}

/** @throws AssertionError that tells the request, what was expected of it and what came; its stack is the one of `site` */
export function requireAnswer({ request, sent, expected, answer, problems }: Answered, site: { readonly stack?: string }): void {
  const wanted = { status: expected.status, headers: lowered(expected.headers ?? {}), body: expected.body };
  const actual = {
    status: answer.status,
    headers: Object.fromEntries(
      Object.entries(wanted.headers).map(([name, value]) => {
        const found = answer.headers[name] ?? null;
        return [name, value instanceof RegExp && found !== null && found.search(value) >= 0 ? value : found];
      }),
    ),
    body: expected.body === undefined ? undefined : partLike(answer.body, expected.body, "each"),
  };
  if (isDeepStrictEqual(actual, wanted)) return;
  const error = new AssertionError({
    message: [
      `${request} did not answer as expected.`,
      `sent ${show(sent)}`,
      `expected ${show(expected)}`,
      `answered ${show(answer)}`,
      ...(problems.length === 0 ? [] : [`The service logged:\n${problems.join("\n")}`]),
    ].join("\n"),
    actual,
    expected: wanted,
    operator: "deepStrictEqual",
  });
  error.stack = `${error.name}: ${error.message}\n${site.stack?.replace(/^.*?\n(?=\s+at )/s, "") ?? ""}`;
  throw error;
}

const lowered = <T>(headers: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

const show = (value: unknown): string => inspect(value, { depth: 10, breakLength: 120, maxArrayLength: 50, maxStringLength: 2_000 });
