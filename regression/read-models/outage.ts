/** One store is stopped under load, and started again: the others go on meanwhile, and who asks is told what is behind. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Violation } from "../history.ts";
import { send } from "../http.ts";
import { seconds } from "../output.ts";
import type { Parts, StoppedPart, ViewName } from "./parts.ts";

export interface Outage {
  /** One line for people. */
  readonly line: string;
  readonly violations: readonly Violation[];
}

/** How long a read with a new token may take while another store is down. */
const waitSeconds = 10;
const catchUpMs = 90_000;
const root = join(import.meta.dirname, "..", "..");

interface Probe {
  readonly view: ViewName | "commands";
  readonly fresh: boolean;
  readonly ms: number;
  readonly told: string;
}

/** Writes an order and reads it, by its token, in every view that HTTP gives. */
async function probe({ command, query }: Parts, id: string, part: StoppedPart): Promise<Probe[]> {
  const began = performance.now();
  const item = { productId: "p-1", name: "Probe", quantity: 1, unitPrice: "1.00" };
  const written = await send({
    method: "POST",
    url: `${command.url}/orders`,
    headers: { "idempotency-key": id },
    body: { orderId: id, customerId: "probe", items: [item] },
  });
  const answer: Probe = {
    view: "commands",
    fresh: written.status === 202,
    ms: performance.now() - began,
    told: `${written.status ?? written.problem} ${written.code ?? ""}`,
  };
  if (written.token === null) return [answer];
  const paths: Partial<Record<ViewName, string>> = {
    order_summaries: "/orders?limit=1",
    order_details: `/orders/${id}`,
    order_search: "/orders/search?limit=1",
    daily_order_stats: "/stats/daily",
  };
  const reads = Object.entries(paths).map(async ([view, path]): Promise<Probe> => {
    const from = performance.now();
    // what cannot come need not be waited for as long
    const patience = part.views.includes(view as ViewName) ? 1 : waitSeconds;
    const reply = await send({
      method: "GET",
      url: query.url + path,
      headers: { "consistency-token": written.token!, "prefer": `wait=${patience}` },
    });
    return {
      view: view as ViewName,
      // with a token and without leave to be stale: it covers the write; of other writes it may not know yet
      fresh: reply.status === 200,
      ms: performance.now() - from,
      told: `${reply.status ?? reply.problem} ${reply.code ?? ""}`,
    };
  });
  return [answer, ...(await Promise.all(reads))];
}

/** The load goes on all the while, and is the caller's. */
export async function outage(parts: Parts, part: StoppedPart, forMs: number): Promise<Outage> {
  const violations: Violation[] = [];
  const blame = (text: string) => violations.push({ kind: "outage", text: `while ${part.name} was down: ${text}` });
  const probes: Probe[] = [];
  const downAt = performance.now();
  await part.server.stop();
  let told: string | undefined;
  for (let i = 0; performance.now() - downAt < forMs; i++) {
    probes.push(...(await probe(parts, `probe-${part.name.replaceAll(" ", "-")}-${i}`, part)));
    if (told === undefined && performance.now() - downAt > forMs / 2) told = await whatIsSaid(parts, part, blame);
    await wait(200);
  }
  const downMs = performance.now() - downAt;
  await part.server.start();
  const upAt = performance.now();
  for (let i = 0; ; i++) {
    const all = await probe(parts, `after-${part.name.replaceAll(" ", "-")}-${i}`, { ...part, views: [] });
    if (all.length > 1 && all.every(({ fresh }) => fresh)) break;
    if (performance.now() - upAt > catchUpMs) {
      blame(`after ${seconds(catchUpMs)} more: ${all.map(({ view, told }) => `${view} ${told}`).join(", ")}`);
      break;
    }
    await wait(200);
  }
  const caughtUpMs = performance.now() - upAt;
  const goOn = (view: Probe["view"]) => (view === "commands" ? part.commands : !part.views.includes(view));
  const answers: string[] = [];
  for (const [view, those] of Map.groupBy(probes, (each) => each.view)) {
    const fresh = those.filter((each) => each.fresh);
    const slowest = Math.max(0, ...fresh.map(({ ms }) => ms));
    answers.push(`${view} ${fresh.length}/${those.length}${fresh.length > 0 ? ` (slowest ${seconds(slowest)})` : ""}`);
    if (goOn(view)) for (const { told } of those.filter((each) => !each.fresh).slice(0, 3)) blame(`${view} was answered ${told}`);
    else if (fresh.length > 1) blame(`${view} was answered fresh ${fresh.length} times, so the outage was none`);
  }
  return {
    line: `${part.name} down for ${seconds(downMs)} · answered fresh meanwhile: ${answers.join(", ")} · ${told ?? ""} · all fresh ${seconds(caughtUpMs)} after its start`,
    violations,
  };
}

interface Ready {
  readonly status: string;
  readonly checks: readonly { readonly name: string; readonly status: string }[];
}
interface Status {
  readonly projections: readonly {
    readonly view: ViewName;
    readonly state: string;
    readonly lagEvents: number | null;
    readonly lagSeconds: number | null;
  }[];
}

const lagOf = ({ lagEvents }: Status["projections"][number]): number => lagEvents ?? 0;

/** What `/readyz` of both read processes and `tidemark status` say, in the middle of it. */
async function whatIsSaid(parts: Parts, part: StoppedPart, blame: (text: string) => void): Promise<string> {
  const said: string[] = [];
  for (const program of [parts.projection, parts.query]) {
    const reply = await send({ method: "GET", url: `${program.url}/readyz` });
    const { checks } = reply.body as Ready;
    const worse = (checks ?? []).filter(({ status }) => status !== "pass");
    said.push(`/readyz of ${program.name} ${reply.status}: ${worse.map(({ name, status }) => `${name} ${status}`).join(", ")}`);
    if (!part.documentsOnly) continue;
    if (reply.status !== 200) blame(`/readyz of ${program.name} answered ${reply.status}`);
    if (worse.length !== 1 || worse[0]!.status !== "warn" || !part.views.every((view) => worse[0]!.name.includes(view)))
      blame(`/readyz of ${program.name} did not warn of ${part.views.join(", ")} alone: ${JSON.stringify(worse)}`);
  }
  const status = await tidemarkStatus(parts);
  if (typeof status === "string") said.push(`status: ${status}`);
  else {
    const live = status.projections.filter(({ state }) => state === "live");
    const behind = live.filter(({ lagEvents }) => lagEvents !== 0).toSorted((a, b) => lagOf(b) - lagOf(a));
    said.push(
      `status: behind are ${behind.map(({ view, lagEvents, lagSeconds }) => `${view} (${lagEvents} events, ${lagSeconds} s)`).join(", ")}`,
    );
    // under load others are a few events behind at any moment
    const [most, next] = behind;
    if (
      part.documentsOnly &&
      (most === undefined || !part.views.includes(most.view) || lagOf(most) < 2 * (next === undefined ? 0 : lagOf(next)))
    )
      blame(`status did not say that ${part.views.join(", ")} is behind, and no other view by half as much`);
  }
  return said.join("; ");
}

/** As an operator runs it; the end of its output where it failed. */
function tidemarkStatus({ environment }: Parts): Promise<Status | string> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ["--conditions=source", "src/cli/bin.ts", "status", "--json", "--service", "./examples/orders/main.ts"],
      {
        cwd: root,
        env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: join(root, ".cache", "compiled"), ...environment },
        timeout: 30_000,
      },
      (error, stdout, stderr) => resolve(error === null ? (JSON.parse(stdout) as Status) : `${stdout}${stderr}`.trim().slice(-300)),
    );
  });
}
