/** What callers get: for what was just stored, and for what was stored before under the same id. */
import { formatToken } from "../core/token.ts";
import { TidemarkError } from "../errors.ts";
import type { Outcome } from "./app.ts";
import type { CheckedCommand } from "./command-job.ts";
import type { StoredAnswer } from "./ports.ts";

interface RejectionAnswer {
  readonly rejection: string;
  readonly data: unknown;
  readonly detail: string;
}

export function outcomeOf(
  command: Pick<CheckedCommand, "id" | "identity" | "partition" | "stream">,
  kind: "events" | "rejection" | "none",
  answer: unknown,
  version: number,
  position: number,
  replayed: boolean,
): Outcome {
  if (kind === "rejection") {
    const { rejection, data, detail } = answer as RejectionAnswer;
    return { accepted: false, commandId: command.id, rejection, data, detail, replayed };
  }
  const { log, logId } = command.identity;
  const token = formatToken([{ log, logId, partition: command.partition, position }]);
  return { accepted: true, commandId: command.id, stream: command.stream, version, token, replayed };
}

/** Same fingerprint, so same log, stream and partition. @throws IDEMPOTENCY_KEY_REUSED */
export function replayOf(command: CheckedCommand, first: StoredAnswer): Outcome {
  if (first.fingerprint !== command.fingerprint) throw new TidemarkError("IDEMPOTENCY_KEY_REUSED", { commandId: command.id });
  return outcomeOf(command, first.kind, first.answer, first.version, first.position, true);
}
