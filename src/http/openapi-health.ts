/** What every process serves beside its API. */
import type { Json } from "./openapi-parts.ts";

const answer = (description: string, mediaType: string, schema: Json): Json => ({ description, content: { [mediaType]: { schema } } });

const check: Json = {
  type: "object",
  required: ["name", "status", "message"],
  properties: { name: { type: "string" }, status: { enum: ["pass", "warn", "fail"] }, message: { type: "string" } },
};
const ready: Json = {
  type: "object",
  required: ["status", "checks"],
  properties: { status: { enum: ["pass", "warn", "fail"] }, checks: { type: "array", items: check } },
};

const operation = (operationId: string, summary: string, responses: Json): Json => ({
  get: { operationId, summary, tags: ["platform"], responses },
});

export const healthPaths = {
  "/livez": operation("livez", "Does the process answer?", {
    "200": answer("It does.", "application/json", { type: "object", required: ["status"], properties: { status: { const: "pass" } } }),
  }),
  "/readyz": operation("readyz", "Can the process do its work?", {
    "200": answer("It can.", "application/json", ready),
    "503": answer("It cannot: the failed checks say why.", "application/json", ready),
  }),
  "/metrics": operation("metrics", "Counters for Prometheus.", {
    "200": answer("Prometheus' text format.", "text/plain", { type: "string" }),
  }),
  "/openapi.json": operation("openapi", "This document.", { "200": answer("OpenAPI 3.1.", "application/json", { type: "object" }) }),
} as Readonly<Record<string, Readonly<Record<string, Json>>>>;
