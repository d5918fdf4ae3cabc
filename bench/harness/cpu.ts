/** Who used the CPU in a section: this process, processes it started, PostgreSQL with all its backends, Kafka's JVM. From /proc, where there is one. */
import { readdirSync, readFileSync } from "node:fs";

export interface CpuSeconds {
  readonly self: number;
  /** Undefined: unknown here. */
  readonly postgres?: number;
  readonly kafka?: number;
  readonly children?: number;
}

export interface CpuTargets {
  readonly postgres: readonly number[];
  readonly kafka: readonly number[];
  readonly children: readonly number[];
}

/** USER_HZ, which is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

export const canCount = process.platform === "linux";

export function cpuClock(targets: () => CpuTargets): () => CpuSeconds {
  const before = read(targets());
  const self = process.cpuUsage();
  return () => {
    const own = process.cpuUsage(self);
    const used = (own.user + own.system) / 1e6;
    if (!canCount) return { self: used };
    const after = read(targets());
    return {
      self: used,
      postgres: after.postgres - before.postgres,
      kafka: after.kafka - before.kafka,
      children: after.children - before.children,
    };
  };
}

function read(targets: CpuTargets): Required<Omit<CpuSeconds, "self">> {
  if (!canCount) return { postgres: 0, kafka: 0, children: 0 };
  const processes = stats();
  const family = (root: number) =>
    [...processes].reduce((sum, [pid, { parent, own, ended }]) => {
      if (pid === root) return sum + own + ended;
      return parent === root ? sum + own : sum;
    }, 0);
  const all = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + family(pid), 0) / ticksPerSecond;
  return { postgres: all(targets.postgres), kafka: all(targets.kafka), children: all(targets.children) };
}

/** Ticks by process id; `ended`: of its children that are gone. */
function stats(): Map<number, { readonly parent: number; readonly own: number; readonly ended: number }> {
  const found = new Map<number, { parent: number; own: number; ended: number }>();
  for (const name of readdirSync("/proc").filter((each) => /^\d+$/.test(each))) {
    const line = statOf(name);
    if (line === undefined) continue;
    // The name stands in parentheses and may hold spaces.
    const fields = line
      .slice(line.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    found.set(Number(name), { parent: fields[1]!, own: fields[11]! + fields[12]!, ended: fields[13]! + fields[14]! });
  }
  return found;
}

function statOf(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch (error) {
    // gone between the listing and the reading
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
