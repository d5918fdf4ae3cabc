/** A bulk load in memory: what is added is kept as events and applied by the flush, so that a runtime that fills in bulk has the reference to be compared with. */
import type { LogEvent } from "../core/message.ts";
import type { Checkpoint, PartitionLoad, ViewProjection } from "../runtime/ports.ts";

export function viewLoad(projection: Pick<ViewProjection, "apply">, start: Checkpoint): PartitionLoad {
  let checkpoint = start;
  let reached = start;
  let events: LogEvent[] = [];
  let spent = false;
  const live = (): void => {
    if (spent) throw new Error(`the load of ${start.log}/${start.partition} is spent`);
  };
  return {
    get checkpoint() {
      return checkpoint;
    },
    held: () => {
      const documents = new Set(events.map(({ stream }) => stream)).size;
      return { documents, bytes: documents };
    },
    add(added, to) {
      live();
      events.push(...added);
      reached = to;
      return Promise.resolve();
    },
    async flush() {
      live();
      if (events.length === 0) return "applied";
      const [from, to, written] = [checkpoint, reached, events];
      events = [];
      try {
        const outcome = await projection.apply(from, to, written);
        spent ||= outcome === "moved";
        if (outcome === "applied") checkpoint = to;
        return outcome;
      } catch (error) {
        spent = true;
        throw error;
      }
    },
  };
}
