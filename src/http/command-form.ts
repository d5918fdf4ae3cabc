/** The HTTP form of commands for those that come another way: read as strictly, answered with the same status and body. */
import type { AnyAggregate, AnyCommand } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import type { Outcome } from "../runtime/app.ts";
import type { CommandAnswer, CommandForm } from "../runtime/command-ports.ts";
import { parseBody } from "./body.ts";
import { inputSchema } from "./json-schema.ts";
import { problem, problemOf } from "./problem.ts";
import type { Reply } from "./reply.ts";
import { unknownMembers } from "./unknown-members.ts";

/** @param statuses HTTP status by rejection; 409 unless there */
export function commandForm(aggregates: readonly AnyAggregate[], statuses: Readonly<Record<string, number>> = {}): CommandForm {
  const idOf = new Map(aggregates.map((aggregate) => [aggregate.name, aggregate.id]));
  const unknown = new Map(
    aggregates.map((aggregate) => [
      aggregate.name,
      new Map(Object.entries(aggregate.commandSchemas).map(([type, schema]) => [type, unknownMembers(inputSchema(schema))])),
    ]),
  );
  return {
    parse: (bytes) => parseBody(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
    strict({ aggregate, type, data }: AnyCommand) {
      const issues = unknown.get(aggregate.name)?.get(type)?.(data) ?? [];
      if (issues.length > 0) throw new TidemarkError("INVALID_INPUT", { what: type, issues });
    },
    ofOutcome(log, outcome: Outcome): CommandAnswer {
      if (outcome.accepted) return { status: 202, body: { [idOf.get(log) ?? "stream"]: outcome.stream, version: outcome.version } };
      return answerOf(problem({ status: statuses[outcome.rejection] ?? 409, code: outcome.rejection, detail: outcome.detail }));
    },
    ofFault: (error) => answerOf(problemOf(error)),
  };
}

const answerOf = ({ status, body }: Reply): CommandAnswer => ({ status, body: body === null ? null : (JSON.parse(body) as unknown) });
