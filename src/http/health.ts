/** Liveness and readiness, as Kubernetes asks for them. */
import type { Health, HealthCheck } from "../runtime/app.ts";
import { json, jsonType, type Reply } from "./reply.ts";

const reply = (status: number, body: object): Reply => ({
  status,
  headers: { "content-type": jsonType, "cache-control": "no-store" },
  body: json(body),
});

/** The process answers: that is all it says. */
export const livez = (): Reply => reply(200, { status: "pass" });

/** 503 while any check fails; always with all checks. A check that cannot be made is a failed one. */
export async function readyz(health: Health, onFault: (error: unknown) => void): Promise<Reply> {
  try {
    const { ready, checks } = await health.ready();
    return reply(ready ? 200 : 503, { status: ready ? worst(checks) : "fail", checks });
  } catch (error) {
    onFault(error);
    return reply(503, { status: "fail", checks: [{ name: "health", status: "fail", message: "The checks could not be made." }] });
  }
}

const worst = (checks: readonly HealthCheck[]): "pass" | "warn" => (checks.some((check) => check.status !== "pass") ? "warn" : "pass");
