/** POST: from a request to a command, from its outcome to an answer. The order of the checks is part of the contract. */
import type { IncomingHttpHeaders } from "node:http";
import type { AnyCommand, Schema } from "../core/definition.ts";
import { pointerTo } from "../core/pointer.ts";
import { validateInput } from "../core/schema.ts";
import { type InputIssue, TidemarkError } from "../errors.ts";
import type { Accepted, Commands, Rejected } from "../runtime/app.ts";
import type { CommandAcceptance } from "../runtime/command-acceptance.ts";
import { parseBody } from "./body.ts";
import { commandIdOf, parseIdempotencyKey, streamOf } from "./idempotency-key.ts";
import { parseIfMatch } from "./if-match.ts";
import { inputSchema, isObject, requiredOf } from "./json-schema.ts";
import { requireJson } from "./media-type.ts";
import { problem } from "./problem.ts";
import { parseQueryString } from "./query-string.ts";
import { json, jsonType, type Reply } from "./reply.ts";
import { respondAsync } from "./respond-async.ts";
import type { CommandRoute } from "./route-types.ts";
import type { ApiRoute, HttpApi } from "./routes.ts";
import { keyProblems, streamKeySchema } from "./stream-key.ts";
import { traceContext } from "./trace-context.ts";
import { unknownMembers, without } from "./unknown-members.ts";

export interface CommandRequest {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly params: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** Who asks; the scope of idempotency keys. */
  readonly principal: string;
}

/** A command has all that it says in its body: what stands in the query would be lost in silence. */
const noParameters: ReadonlySet<string> = new Set();

export function commandRoute(
  route: ApiRoute<CommandRoute>,
  api: HttpApi,
  commands: Commands,
  acceptance?: CommandAcceptance,
): (request: CommandRequest) => Promise<Reply> {
  const { type: make } = route.target;
  const { aggregate } = make;
  const creates = route.parameters.length === 0;
  const bodySchema = inputSchema(make.schema);
  const needsBody = requiredOf(bodySchema).length > 0;
  const unknown = unknownMembers(bodySchema);
  const keySchema = streamKeySchema(aggregate);
  // The resource that the command is about: what stands before {id}, or the collection that it is created in.
  const resource = route.path.replace(/\/\{id\}.*$/, "");

  const toCommand = (request: CommandRequest, commandId: string): AnyCommand => {
    const body = readBody(request, needsBody);
    if (!creates) return checked(make.schema, unknown, [], { aggregate, type: make.type, stream: request.params["id"]!, data: body });
    if (!isObject(body) || !Object.hasOwn(body, aggregate.id))
      return checked(make.schema, unknown, [], { aggregate, type: make.type, stream: streamOf(commandId), data: body });
    const { [aggregate.id]: given, ...data } = body;
    const stream = given === undefined ? streamOf(commandId) : given;
    const issues = given === undefined ? [] : keyProblems(keySchema, given).map((detail) => ({ pointer: pointerTo(aggregate.id), detail }));
    return checked(make.schema, unknown, issues, {
      aggregate,
      type: make.type,
      stream: stream as string,
      data,
    });
  };

  return async (request) => {
    parseQueryString(request.url, noParameters);
    const key =
      request.headers["idempotency-key"] === undefined
        ? undefined
        : parseIdempotencyKey(headerLines(request.rawHeaders, "idempotency-key"));
    const expectedVersion = creates ? undefined : parseIfMatch(request.headers["if-match"]);
    if (!creates) refuseKey(keyProblems(keySchema, request.params["id"]));
    const commandId = commandIdOf(
      { principal: request.principal, method: route.method, path: [route.path, ...Object.values(request.params)] },
      key,
    );
    const command = toCommand(request, commandId);
    const options = {
      commandId,
      ...(expectedVersion === undefined ? {} : { expectedVersion }),
      context: traceContext(request.headers["traceparent"], request.headers["tracestate"]),
    };
    const replyTo = (outcome: Accepted | Rejected): Reply =>
      outcome.accepted ? acceptedReply(outcome, aggregate.id, resource) : rejectedReply(outcome, api);
    const asked = acceptance?.accepts === true ? respondAsync(request.headers["prefer"]) : undefined;
    if (asked !== undefined)
      return asked.reply(await acceptance!.accept(command, { ...options, ...asked, mayRepeat: key !== undefined }), replyTo);
    return replyTo(await commands.execute(command, options));
  };
}

function readBody({ body, headers }: CommandRequest, needed: boolean): unknown {
  if (body === undefined || body.length === 0) {
    if (needed) throw new TidemarkError("INVALID_JSON", { problem: "it is empty." });
    return {};
  }
  requireJson(headers["content-type"], headers["content-encoding"]);
  return parseBody(body);
}

/** Finding nothing here leaves the schema's own check to `execute`; finding something, all that is wrong is said at once. */
function checked(
  schema: Schema,
  unknown: (value: unknown) => readonly InputIssue[],
  keyIssues: readonly InputIssue[],
  command: AnyCommand,
): AnyCommand {
  const early = [...keyIssues, ...unknown(command.data)];
  if (early.length === 0) return command;
  const rest = without(
    command.data,
    early.map((issue) => issue.pointer),
  );
  throw new TidemarkError("INVALID_INPUT", { what: "The body", issues: [...early, ...(validateInput(schema, rest).issues ?? [])] });
}

function refuseKey(problems: readonly string[]): void {
  if (problems.length > 0)
    throw new TidemarkError("INVALID_PARAMETER", { issues: problems.map((detail) => ({ parameter: "id", detail })) });
}

/** Header lines of one name as they came: Node joins repeated lines, which would hide them. */
export function headerLines(rawHeaders: readonly string[], name: string): readonly string[] {
  const lines: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]!.toLowerCase() === name) lines.push(rawHeaders[at + 1]!);
  return lines;
}

const replayed = (outcome: Accepted | Rejected): Record<string, string> => (outcome.replayed ? { "idempotent-replayed": "true" } : {});

const acceptedReply = (outcome: Accepted, idMember: string, resource: string): Reply => ({
  status: 202,
  headers: {
    "content-type": jsonType,
    "consistency-token": outcome.token,
    "etag": `"${outcome.version}"`,
    "location": `${resource}/${encodeURIComponent(outcome.stream).replaceAll("%3A", ":")}`,
    ...replayed(outcome),
  },
  body: json({ [idMember]: outcome.stream, version: outcome.version }),
});

const rejectedReply = (outcome: Rejected, api: HttpApi): Reply =>
  problem({ status: api.statuses[outcome.rejection] ?? 409, code: outcome.rejection, detail: outcome.detail }, replayed(outcome));
