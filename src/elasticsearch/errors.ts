/** What the clients' errors mean for the runtime. They are told by name: the clients are loaded only where a view is kept there. */
import { TidemarkError } from "../errors.ts";
import type { WriteOutcome } from "../runtime/document-store.ts";

/** Of both clients, for whatever happens on the way to a server and back. */
const fromClient = new Set([
  "ConnectionError",
  "DeserializationError",
  "NoLivingConnectionsError",
  "ProductNotSupportedError",
  "RequestAbortedError",
  "ResponseError",
  "TimeoutError",
]);

/** The document is at fault: no other attempt will have another answer. */
const ofTheDocument = new Set([
  "document_parsing_exception",
  "mapper_parsing_exception",
  "parsing_exception",
  "strict_dynamic_mapping_exception",
  "x_content_parse_exception",
]);

export interface ItemError {
  readonly type?: string;
  readonly reason?: string;
}

export const unavailable =
  (what: string) =>
  (error: unknown): Error => {
    if (!(error instanceof Error)) return new Error(String(error));
    return fromClient.has(error.name)
      ? new TidemarkError("UNAVAILABLE", { what: `${what} (${problemOf(error)})` }, { cause: error })
      : error;
  };

/** Whether the whole request was refused for its size. */
export const isTooLarge = (error: unknown): boolean => statusOf(error) === 413;

/** One row's answer in a bulk request. @throws UNAVAILABLE for what may pass */
export function outcomeOf(status: number, error: ItemError | undefined, what: string): WriteOutcome {
  if (status >= 200 && status < 300) return "written";
  if (status === 409) return "lost";
  const problem = `${error?.type ?? status}: ${error?.reason ?? "no reason given"}`;
  if (status === 400 && ofTheDocument.has(error?.type ?? "")) return { refused: `the search engine refused the document: ${problem}` };
  throw new TidemarkError("UNAVAILABLE", { what: `${what} (a write failed: ${problem})` });
}

/** Both clients have it beside the message, which may be of any length. */
function statusOf(error: unknown): number | undefined {
  const { statusCode, meta } = error as { readonly statusCode?: unknown; readonly meta?: { readonly statusCode?: unknown } };
  const status = statusCode ?? meta?.statusCode;
  return typeof status === "number" ? status : undefined;
}

function problemOf(error: Error): string {
  const status = statusOf(error);
  return `${error.name}${status === undefined ? "" : ` ${status}`}: ${error.message.slice(0, 500)}`;
}
