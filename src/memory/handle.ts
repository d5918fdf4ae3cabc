/** One process's hold on something shared in memory: its faults, and its death. */
import { TidemarkError } from "../errors.ts";
import { faults as noFaults, type FaultPoint, type FaultPoints, type Faults } from "./faults.ts";

export interface Handle {
  readonly faults: Faults;
  /** Aborted by `close` and `kill`. */
  readonly dead: AbortSignal;
  /** `work` between the hooks of its point. @throws CLOSED after `close`, UNAVAILABLE after `kill` */
  run<P extends FaultPoint, T>(point: P, details: FaultPoints[P], work: () => T): Promise<T>;
  close(): void;
  /** The process is gone: whatever it still tries fails and has no effect. */
  kill(): void;
}

export function handle(what: string, faults: Faults = noFaults()): Handle {
  const dead = new AbortController();
  let killed = false;
  const check = () => {
    if (killed) throw new TidemarkError("UNAVAILABLE", { what });
    if (dead.signal.aborted) throw new TidemarkError("CLOSED", { what });
  };
  return {
    faults,
    dead: dead.signal,
    async run(point, details, work) {
      check();
      const result = await faults.around(point, details, () => {
        check();
        return work();
      });
      // the answer to a process that is gone reaches nobody
      if (killed) check();
      return result;
    },
    close: () => dead.abort(),
    kill() {
      killed = true;
      dead.abort();
    },
  };
}
