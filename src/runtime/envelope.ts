/** From decided events to what the write store keeps: JSON texts, ids, metadata, and the check of their size. */
import type { Metadata, NewEvent } from "../core/message.ts";
import { textIssues } from "../core/text.ts";
import { TidemarkError } from "../errors.ts";
import type { CheckedCommand } from "./command-job.ts";
import { newId } from "./new-id.ts";
import type { NewStoredEvent } from "./ports.ts";

/** Names of the record's headers, ids, numbers and the batch's own fields, generously. */
const headerBytes = 1_024;

/** What events come from. */
export type Origin = Pick<CheckedCommand, "aggregate" | "stream" | "id" | "context">;

/** JSON.stringify writes both as escapes; a look at the text is cheap, and only what it suspects is looked at closely. */
const suspicious = /\\u(?:0000|[dD][89a-fA-F])/;

/**
 * All events of one decision.
 * @throws INVALID_INPUT for text that cannot be stored, EVENT_TOO_LARGE
 */
export function toStoredEvents(command: Origin, events: readonly NewEvent[], time: string, limitBytes: number): readonly NewStoredEvent[] {
  if (events.length === 0) return [];
  const metadata = metadataOf(command, time);
  const fixedBytes =
    headerBytes + Buffer.byteLength(command.stream) + Buffer.byteLength(metadata) + Buffer.byteLength(command.aggregate.name);
  return events.map(({ type, data }) => {
    const text = toJson(data, `The data of ${type}`);
    const bytes = fixedBytes + Buffer.byteLength(type) + Buffer.byteLength(text);
    if (bytes > limitBytes) throw new TidemarkError("EVENT_TOO_LARGE", { log: command.aggregate.name, type, bytes, limit: limitBytes });
    return { id: newId(), type, schemaVersion: 1, data: text, metadata };
  });
}

/** @throws INVALID_INPUT for text that cannot be stored */
export function toJson(value: unknown, what: string): string {
  const text = JSON.stringify(value) ?? "null";
  if (suspicious.test(text)) {
    const issues = textIssues(value);
    if (issues.length > 0) throw new TidemarkError("INVALID_INPUT", { what, issues });
  }
  return text;
}

function metadataOf(command: Origin, time: string): string {
  const { context, id } = command;
  const metadata: Metadata = {
    time,
    commandId: id,
    correlationId: context.correlationId ?? id,
    causationId: context.causationId ?? id,
    ...(context.traceparent === undefined ? {} : { traceparent: context.traceparent }),
    ...(context.tracestate === undefined ? {} : { tracestate: context.tracestate }),
    ...(context.actor === undefined ? {} : { actor: context.actor }),
  };
  return toJson(metadata, "The command's context");
}
