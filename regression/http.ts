/** Requests of the regression's clients: every outcome is a value, a lost connection too. */

export interface Reply {
  /** Null: no answer came (refused, reset, timed out); whether the request had an effect is unknown. */
  readonly status: number | null;
  readonly code: string | null;
  readonly body: unknown;
  readonly token: string | null;
  readonly replayed: boolean;
  readonly stale: string | null;
  readonly problem: string | null;
}

export interface Request {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Undefined: no body at all. */
  readonly body?: unknown;
  readonly timeoutMs?: number;
}

export async function send(request: Request): Promise<Reply> {
  try {
    const response = await fetch(request.url, {
      method: request.method,
      headers: { ...request.headers, ...(request.body === undefined ? {} : { "content-type": "application/json" }) },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      signal: AbortSignal.timeout(request.timeoutMs ?? 15_000),
    });
    const text = await response.text();
    const body: unknown = text === "" ? null : JSON.parse(text);
    const code = typeof body === "object" && body !== null && "code" in body ? String(body.code) : null;
    return {
      status: response.status,
      code: response.ok ? null : code,
      body,
      token: response.headers.get("consistency-token"),
      replayed: response.headers.get("idempotent-replayed") === "true",
      stale: response.headers.get("read-model-stale"),
      problem: null,
    };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return { status: null, code: null, body: null, token: null, replayed: false, stale: null, problem: String(cause) };
  }
}
