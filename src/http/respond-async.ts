import { TidemarkError } from "../errors.ts";
/** `Prefer: respond-async` (RFC 7240) on a command: what is answered once the command is durable, and what its status resource says later. */
import type { Outcome } from "../runtime/app.ts";
import type { CommandAcceptance, CommandStatus } from "../runtime/command-acceptance.ts";
import { parsePrefer, preferencesIn } from "./prefer.ts";
import { problemType } from "./problem.ts";
import { json, jsonType, type Reply } from "./reply.ts";

export interface AskedAsync {
  /** With `wait`: how long the synchronous answer may take, in milliseconds. */
  readonly waitMs: number | undefined;
  /** @param replyTo the synchronous answer */
  reply(status: CommandStatus, replyTo: (outcome: Outcome) => Reply): Reply;
}

/** undefined where the header does not ask for it. */
export function respondAsync(header: string | string[] | undefined): AskedAsync | undefined {
  const text = Array.isArray(header) ? header.join(", ") : header;
  if (text === undefined || !preferencesIn(text).has("respond-async")) return undefined;
  const { waitMs } = parsePrefer(text);
  const applied = waitMs === undefined ? "respond-async" : `respond-async, wait=${waitMs / 1_000}`;
  return {
    waitMs,
    reply(status, replyTo) {
      if (waitMs === undefined || status.status === "pending") return acceptedLater(status, applied);
      const reply =
        status.outcome === null
          ? { status: status.answer.status, headers: { "content-type": problemType }, body: json(status.answer.body) }
          : replyTo(status.outcome);
      return { ...reply, headers: { ...reply.headers, "preference-applied": applied } };
    },
  };
}

/** The same for a repeat, whatever has become of the command meanwhile. */
const acceptedLater = ({ commandId }: CommandStatus, applied: string): Reply => ({
  status: 202,
  headers: { "content-type": jsonType, "location": `/commands/${commandId}`, "preference-applied": applied },
  body: json({ commandId }),
});

const idForm = /^[\x21-\x7e]{1,255}$/;

/** `GET /commands/{id}`. */
export async function commandStatus(acceptance: CommandAcceptance, id: string): Promise<Reply> {
  const status = idForm.test(id) ? await acceptance.status(id) : null;
  if (status === null) throw new TidemarkError("NOT_FOUND", { what: "A command of this id" });
  const headers = { "content-type": jsonType, "cache-control": "no-store" };
  if (status.status === "pending")
    return { status: 200, headers: { ...headers, "retry-after": "1" }, body: json({ commandId: id, status: "pending" }) };
  const { answer, outcome } = status;
  return {
    status: 200,
    headers: { ...headers, ...(outcome?.accepted === true ? { "consistency-token": outcome.token } : {}) },
    body: json({ commandId: id, status: status.status, answer }),
  };
}
