/** A command on its way: checked, with its place (log, partition) and its caller. */
import type { AnyAggregate, AnyCommand } from "../core/definition.ts";
import { partitionOf } from "../core/partition.ts";
import { pointerTo } from "../core/pointer.ts";
import { validateInput } from "../core/schema.ts";
import { textIssues } from "../core/text.ts";
import { TidemarkError } from "../errors.ts";
import type { CommandContext, ExecuteOptions, ExpectedVersion, Outcome } from "./app.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { LogIdentity } from "./ports.ts";

export interface CheckedCommand {
  readonly id: string;
  readonly aggregate: AnyAggregate;
  readonly identity: LogIdentity;
  readonly partition: number;
  readonly type: string;
  readonly stream: string;
  /** The schema's output form. */
  readonly data: unknown;
  readonly fingerprint: string;
  readonly expected: ExpectedVersion | undefined;
  readonly context: CommandContext;
}

export interface Job extends CheckedCommand {
  readonly lane: number;
  /** How often a conflict sent it back. */
  attempts: number;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

/** @throws INVALID_INPUT; INVALID_DEFINITION for a command that the aggregate does not have */
export function checkCommand(command: AnyCommand, id: string, identity: LogIdentity, options: ExecuteOptions): CheckedCommand {
  const { aggregate, type, stream } = command;
  const schema = Object.hasOwn(aggregate.commandSchemas, type) ? aggregate.commandSchemas[type] : undefined;
  if (schema === undefined) throw new TidemarkError("INVALID_DEFINITION", { what: `Log '${aggregate.name}' has no command ${type}.` });
  checkIds(aggregate, type, stream, id);
  const checked = validateInput(schema, command.data);
  if (checked.issues !== undefined) throw new TidemarkError("INVALID_INPUT", { what: type, issues: checked.issues });
  return {
    id,
    aggregate,
    identity,
    partition: partitionOf(stream, identity.partitions),
    type,
    stream,
    data: checked.value,
    fingerprint: fingerprintOf({ aggregate: aggregate.name, type, stream, data: checked.value }),
    expected: options.expectedVersion,
    context: options.context ?? {},
  };
}

/** `type`: of what is written to the stream. @throws INVALID_INPUT for a command id or a stream's key that is none */
export function checkIds(aggregate: AnyAggregate, type: string, stream: unknown, commandId: unknown): void {
  checkText("The command id", "", commandId);
  checkText(`The ${aggregate.id} of ${type}`, pointerTo(aggregate.id), stream);
  if (aggregate.streamSchema === undefined) return;
  const { issues } = validateInput(aggregate.streamSchema, stream);
  if (issues !== undefined)
    throw new TidemarkError("INVALID_INPUT", {
      what: `The ${aggregate.id} of ${type}`,
      issues: issues.map((issue) => ({ ...issue, pointer: pointerTo(aggregate.id) })),
    });
}

function checkText(what: string, pointer: string, text: unknown): void {
  const invalid = (detail: string) => new TidemarkError("INVALID_INPUT", { what, issues: [{ pointer, detail }] });
  if (typeof text !== "string" || text === "") throw invalid("must be a string that is not empty");
  const [issue] = textIssues(text);
  if (issue !== undefined) throw invalid(issue.detail);
}
