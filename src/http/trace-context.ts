/** W3C trace context of a request; what is malformed is ignored, as the recommendation asks. */
import type { CommandContext } from "../runtime/app.ts";

const form = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

export function traceContext(traceparent: unknown, tracestate: unknown): CommandContext {
  if (typeof traceparent !== "string" || !form.test(traceparent)) return {};
  const state = typeof tracestate === "string" && /^[\x20-\x7e]{1,512}$/.test(tracestate) ? { tracestate } : {};
  return { traceparent, ...state };
}
