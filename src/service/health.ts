/** Readiness: a part that cannot do its work fails; one that tries again, or just starts, is a warning. How far a view is behind is `status`'s to say. */
import type { Health, HealthCheck } from "../runtime/app.ts";
import type { CommandProcessor } from "../runtime/command-processor.ts";
import type { Relay } from "../runtime/relay.ts";
import type { ViewWorker } from "../runtime/view-worker.ts";

export interface HealthParts {
  readonly writeStore?: () => Promise<unknown>;
  readonly viewStore?: () => Promise<unknown>;
  /** Stores that some views are kept in: one that is down holds up those views alone, so it is a warning. */
  readonly otherStores?: readonly { readonly name: string; readonly views: readonly string[]; ping(): Promise<void> }[];
  readonly relays: readonly Relay[];
  readonly workers: readonly ViewWorker[];
  readonly processors?: readonly CommandProcessor[];
}

const askTimeoutMs = 2_000;

export function health({ writeStore, viewStore, otherStores = [], relays, workers, processors = [] }: HealthParts): Health {
  return {
    async ready() {
      const checks = await Promise.all([
        ...(writeStore ? [ask("write store", writeStore)] : []),
        ...(viewStore ? [ask("view store", viewStore)] : []),
        ...otherStores.map(async ({ name, views, ping }): Promise<HealthCheck> => {
          const check = await ask(`${name} (${views.join(", ")})`, ping);
          return check.status === "fail" ? { ...check, status: "warn" } : check;
        }),
      ]);
      checks.push(...relays.map(relayCheck), ...workers.map(workerCheck), ...processors.map(processorCheck));
      return { ready: checks.every((check) => check.status !== "fail"), checks };
    },
  };
}

async function ask(name: string, question: () => Promise<unknown>): Promise<HealthCheck> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer after ${askTimeoutMs} ms`)), askTimeoutMs);
  });
  try {
    await Promise.race([question(), late]);
    return { name, status: "pass", message: "it answers" };
  } catch (error) {
    return { name, status: "fail", message: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}

function relayCheck(relay: Relay): HealthCheck {
  const { state, problem, partitions } = relay.state();
  const name = `relay of log '${relay.log}'`;
  if (state === "diverged") return { name, status: "fail", message: problem ?? state };
  if (state === "starting") return { name, status: "warn", message: "it reads where the topic ends" };
  if (state === "retrying") return { name, status: "warn", message: problem ?? state };
  return {
    name,
    status: "pass",
    message: state === "waiting" ? "stands by: others serve all partitions" : `serves ${partitions.length} partitions`,
  };
}

function workerCheck(worker: ViewWorker): HealthCheck {
  const name = `view '${worker.view.name}'`;
  const failures = worker.failures();
  if (failures.length === 0)
    return { name, status: "pass", message: `feeds ${new Set(worker.assigned().map((a) => `${a.log}/${a.partition}`)).size} partitions` };
  return {
    name,
    // what nobody reads fails nobody
    status: failures.some((f) => f.read) ? "fail" : "warn",
    message: failures
      .map(
        (f) => `generation ${f.generation} stands still at log '${f.log}', partition ${f.partition}, position ${f.position}: ${f.problem}`,
      )
      .join("; "),
  };
}

function processorCheck(processor: CommandProcessor): HealthCheck {
  const { state, problem, partitions } = processor.state();
  const name = `commands of log '${processor.log}'`;
  const still = partitions.filter((each) => each.state === "diverged");
  const told = (some: typeof partitions) => some.map((each) => `partition ${each.partition}: ${each.problem ?? each.state}`).join("; ");
  if (still.length > 0) return { name, status: "fail", message: told(still) };
  if (problem !== null) return { name, status: "warn", message: problem };
  const retrying = partitions.filter((each) => each.state === "retrying");
  if (retrying.length > 0) return { name, status: "warn", message: told(retrying) };
  return {
    name,
    status: state === "starting" ? "warn" : "pass",
    message: state === "starting" ? "it waits for its partitions" : `decides ${partitions.length} partitions`,
  };
}
