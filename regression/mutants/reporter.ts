/** A test reporter for machines: one line of JSON for each test that ended. */
import type { TestEvent } from "node:test/reporters";

export interface TestEnd {
  /** With its suites, joined by a blank. */
  readonly name: string;
  readonly passed: boolean;
  readonly ms: number;
  /** What failed it. */
  readonly failure?: { readonly type: string; readonly kind: string; readonly message: string };
}

interface Ended {
  readonly name: string;
  readonly nesting: number;
  readonly skip?: boolean | string;
  readonly details: { readonly type?: string; readonly duration_ms: number; readonly error?: unknown };
}

export default async function* reporter(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const path: string[] = [];
  for await (const event of events) {
    if (event.type === "test:start") {
      path.length = event.data.nesting;
      path.push(event.data.name);
    }
    if (event.type !== "test:pass" && event.type !== "test:fail") continue;
    const { name, nesting, details, skip } = event.data as Ended;
    if (details.type === "suite" || skip !== undefined) continue;
    const end: TestEnd = {
      name: [...path.slice(0, nesting), name].join(" "),
      passed: event.type === "test:pass",
      ms: Math.round(details.duration_ms),
      ...(event.type === "test:fail" ? { failure: failureOf(details.error) } : {}),
    };
    yield `${JSON.stringify(end)}\n`;
  }
}

/** `kind`: the class of the error, and its code. */
function failureOf(error: unknown): NonNullable<TestEnd["failure"]> {
  const { failureType = "unknown", cause } = error as { readonly failureType?: string; readonly cause?: unknown };
  const { name, code, message } = (typeof cause === "object" && cause !== null ? cause : { message: cause }) as {
    readonly name?: string;
    readonly code?: string;
    readonly message?: unknown;
  };
  return {
    type: failureType,
    kind: [name ?? typeof cause, code].filter((part) => part !== undefined).join(" "),
    message: String(message).split("\n").slice(0, 12).join("\n"),
  };
}
