import { isDeepStrictEqual } from "node:util";
import { parseToken } from "../src/core/token.ts";
import type { Answer, CommandKind, CommandRecord, EventRow, Mark, Violation } from "./history.ts";

const madeBy: Record<CommandKind, string> = {
  RegisterCustomer: "CustomerRegistered",
  RenameCustomer: "CustomerRenamed",
  CreateOrder: "OrderCreated",
  AddItem: "ItemAdded",
  SubmitOrder: "OrderSubmitted",
  PayOrder: "OrderPaid",
  ShipOrder: "OrderShipped",
  CancelOrder: "OrderCancelled",
};

/** How a key is hidden in a command's data; SubmitOrder has none and is found by its answer. */
export const mark = (key: string): string => `~${key}~`;
const marked = /~([A-Za-z0-9._-]+)~/;

/** The refusals of the contract; any other is a fault of the service (or of the clients). */
const rejections = new Set([
  "CustomerAlreadyExists",
  "CustomerNotFound",
  "OrderAlreadyExists",
  "OrderNotFound",
  "OrderNotOpen",
  "OrderNotPayable",
  "OrderNotShippable",
  "OrderNotCancellable",
  "AmountMismatch",
]);

const describe = (c: CommandRecord) => `${c.kind} ${c.key} (${c.path})`;
const told = (a: Answer) => `${a.status} ${a.code ?? JSON.stringify(a.body)}`;
const place = (m: Mark) => `${m.log}/${m.partition}@${m.position}`;

/** The last part of the answer's token; commands write one log. */
export function markOf(answer: Answer): Mark | null {
  return answer.token === null ? null : (parseToken(answer.token).at(-1) ?? null);
}

/** What clients were told against what is in the log: nothing acknowledged is lost, nothing is there twice or from nowhere, a repeat gets the same answer. */
export function checkCommands(commands: readonly CommandRecord[], events: readonly EventRow[]): Violation[] {
  const found: Violation[] = [];
  const byPlace = new Map(events.map((e) => [place(e), e]));
  const effects = new Map<string, EventRow[]>();
  const submits: EventRow[] = [];
  for (const event of events) {
    const key = marked.exec(event.data)?.[1];
    if (event.type === "OrderSubmitted") submits.push(event);
    else if (key === undefined)
      found.push({ kind: "phantom", text: `${place(event)} ${event.type} of ${event.stream} comes from no client` });
    else effects.set(key, [...(effects.get(key) ?? []), event]);
  }
  const owners = new Map<string, string>();
  const known = new Set<string>();
  const unansweredSubmits = new Set<string>();
  for (const command of commands) {
    known.add(command.key);
    const mine = effects.get(command.key) ?? [];
    const answer = command.answers[0];
    if (mine.length > 1)
      found.push({ kind: "doubled", text: `${describe(command)} was applied ${mine.length} times: ${mine.map(place).join(", ")}` });
    found.push(...checkRepeats(command));
    if (answer === undefined) {
      if (command.kind === "SubmitOrder") unansweredSubmits.add(streamOf(command.path));
      continue;
    }
    if (answer.status !== 202) {
      if (!rejections.has(answer.code ?? "")) found.push({ kind: "answer", text: `${describe(command)} was answered ${told(answer)}` });
      if (mine.length > 0)
        found.push({ kind: "phantom", text: `${describe(command)} was answered ${told(answer)}, yet ${place(mine[0]!)} is its event` });
      continue;
    }
    found.push(...checkAccepted(command, answer, mine, byPlace, owners));
  }
  for (const [key, list] of effects) {
    if (!known.has(key)) found.push({ kind: "phantom", text: `${place(list[0]!)} carries the key ${key}, which no client used` });
  }
  for (const event of submits) {
    if (!owners.has(place(event)) && !unansweredSubmits.has(event.stream)) {
      found.push({ kind: "phantom", text: `${place(event)} OrderSubmitted of ${event.stream}: nobody was told that it was accepted` });
    }
  }
  return found;
}

const streamOf = (path: string) => decodeURIComponent(path.split("/")[2] ?? "");

function checkAccepted(
  command: CommandRecord,
  answer: Answer,
  mine: readonly EventRow[],
  byPlace: ReadonlyMap<string, EventRow>,
  owners: Map<string, string>,
): Violation[] {
  const body = answer.body as { orderId?: string; customerId?: string; version?: number };
  const mark = markOf(answer);
  if (mark === null) return [{ kind: "answer", text: `${describe(command)} was accepted without a token` }];
  const event = byPlace.get(place(mark));
  if (event === undefined) return [{ kind: "lost", text: `${describe(command)} was accepted at ${place(mark)}, where no event is` }];
  const stream = body.orderId ?? body.customerId;
  if (event.stream !== stream || event.version !== body.version || event.type !== madeBy[command.kind]) {
    return [
      {
        kind: "lost",
        text: `${describe(command)} was accepted as ${stream} v${body.version} at ${place(mark)}, where ${event.type} of ${event.stream} v${event.version} is`,
      },
    ];
  }
  if (command.kind !== "SubmitOrder" && mine.length === 0)
    return [{ kind: "lost", text: `${describe(command)} was accepted and no event carries it` }];
  if (mine.length > 0 && place(mine.at(-1)!) !== place(mark))
    return [{ kind: "answer", text: `${describe(command)}: the token names ${place(mark)}, its event is ${place(mine.at(-1)!)}` }];
  const owner = owners.get(place(mark));
  owners.set(place(mark), command.key);
  return owner === undefined
    ? []
    : [{ kind: "lost", text: `${describe(command)} and ${owner} were both told that ${place(mark)} is theirs` }];
}

function checkRepeats(command: CommandRecord): Violation[] {
  const [first, ...repeats] = command.answers;
  if (first === undefined) return [];
  const found: Violation[] = [];
  if (command.unknown === 0 && first.replayed)
    found.push({ kind: "answer", text: `${describe(command)}: the first answer says that it is a repeat` });
  for (const repeat of repeats) {
    const same =
      repeat.status === first.status &&
      repeat.code === first.code &&
      repeat.token === first.token &&
      isDeepStrictEqual(repeat.body, first.body);
    if (!same) found.push({ kind: "answer", text: `${describe(command)}: first ${told(first)}, repeated ${told(repeat)}` });
    else if (!repeat.replayed) found.push({ kind: "answer", text: `${describe(command)}: a repeat was not marked as one` });
  }
  return found;
}
