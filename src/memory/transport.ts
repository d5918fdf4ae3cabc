/** Kafka's side of projections, in memory: topics, cursors and groups. */
import type { Transport } from "../runtime/ports.ts";
import { wake } from "../runtime/wake.ts";
import type { Faults } from "./faults.ts";
import { joinGroup } from "./group.ts";
import { handle } from "./handle.ts";
import { type Cut, memoryLogReader } from "./log-reader.ts";
import { tailOf } from "./log-tails.ts";
import type { Broker } from "./topic.ts";

export interface MemoryTransport extends Transport {
  readonly faults: Faults;
  /** The process is gone: its readers fail, its place in groups is another's. */
  kill(): void;
}

export interface MemoryTransportOptions {
  readonly faults?: Faults;
  readonly cut?: Cut;
  /** How many of the last records `ends` looks at; 1,000 unless given. */
  readonly tailRecords?: number;
}

export function memoryTransport(
  broker: Broker,
  { faults, cut = (available) => available, tailRecords = 1_000 }: MemoryTransportOptions = {},
): MemoryTransport {
  const own = handle("The broker", faults);
  const end = (stop: () => void) => {
    const leaves = new Set<() => void>();
    return {
      leaves,
      all() {
        for (const leave of leaves) leave();
        leaves.clear();
        stop();
      },
    };
  };
  const closing = end(own.close);
  const dying = end(own.kill);
  const leaveOnEnd = (leave: () => void) => {
    closing.leaves.add(leave);
    dying.leaves.add(leave);
  };

  return {
    kind: "kafka",
    faults: own.faults,
    async identify(log, signal) {
      const changed = wake();
      const unsubscribe = broker.changed.on(() => changed.signal());
      try {
        for (;;) {
          const ticket = changed.ticket();
          const topic = await own.run("identify", { log }, () => broker.topics.get(log));
          if (topic !== undefined) return { partitions: topic.partitions.length, logId: null };
          if ((await changed.after(ticket, { signal: AbortSignal.any([signal, own.dead]) })) === "aborted") throw signal.reason;
        }
      } finally {
        await unsubscribe();
      }
    },
    reader: (log) => Promise.resolve(memoryLogReader(broker, own, log, cut)),
    ends: (log) =>
      own.run("ends", { log }, () => {
        const topic = broker.topics.get(log);
        return (topic?.partitions ?? []).map(
          (_, partition) => tailOf(log, topic!, partition, { logId: null, window: tailRecords }).position,
        );
      }),
    join(group, logs, onAssigned) {
      const leave = joinGroup(broker, group, { logs, onAssigned });
      leaveOnEnd(leave);
      return Promise.resolve({
        leave() {
          leave();
          return Promise.resolve();
        },
      });
    },
    kill: () => dying.all(),
    close() {
      closing.all();
      return Promise.resolve();
    },
  };
}
