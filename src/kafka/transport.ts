/** Logs as projections read them: from Kafka. */
import { TidemarkError } from "../errors.ts";
import type { Transport } from "../runtime/ports.ts";
import { pause } from "../runtime/wake.ts";
import { openCluster } from "./cluster.ts";
import { openLogReader } from "./log-reader.ts";
import { joinGroup, type Membership, type MembershipOptions } from "./membership.ts";
import { type KafkaOptions, topicOf } from "./options.ts";
import { tailsCache } from "./tails-cache.ts";

export interface KafkaTransportOptions extends KafkaOptions {
  /** 8,000 unless given. */
  readonly sessionTimeoutMs?: number;
  /** 500 unless given. */
  readonly heartbeatMs?: number;
}

const firstPauseMs = 50;
const longestPauseMs = 1_000;

/**
 * Connects on first use; `close` ends everything that came from it.
 * @throws INVALID_SETTING
 */
export function kafkaTransport(options: KafkaTransportOptions): Transport {
  const cluster = openCluster(options);
  const membershipOptions: MembershipOptions = {
    sessionTimeoutMs: options.sessionTimeoutMs ?? 8_000,
    heartbeatMs: options.heartbeatMs ?? 500,
  };
  const topic = (log: string) => topicOf(cluster.prefix, log);
  const members = new Set<Membership>();

  return {
    kind: "kafka",

    /** @throws UNAVAILABLE where Kafka cannot be reached, CLOSED where `signal` aborts */
    async identify(log, signal) {
      const stop = AbortSignal.any([signal, cluster.closed]);
      for (let pauseMs = firstPauseMs; !stop.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
        const metadata = await unlessAborted(cluster.refresh(topic(log)), stop);
        if (metadata !== null && metadata.leaders.length > 0) return { partitions: metadata.leaders.length, logId: null };
        await pause(pauseMs, stop);
      }
      throw new TidemarkError("CLOSED", { what: `the wait for topic ${topic(log)}` });
    },

    reader: async (log) => openLogReader(cluster, log, topic(log)),

    ends: tailsCache(cluster, topic),

    async join(group, logs, onAssigned) {
      const logOf = new Map(logs.map((log) => [topic(log), log]));
      const member = await joinGroup(cluster, `${cluster.prefix}${group}`, [...logOf.keys()], membershipOptions, (assignments) =>
        onAssigned(assignments.map(({ topic: name, partitions }) => ({ log: logOf.get(name)!, partitions }))),
      );
      members.add(member);
      return {
        async leave() {
          members.delete(member);
          await member.leave();
        },
      };
    },

    async close() {
      const leaving = [...members].map((member) => member.leave());
      members.clear();
      await Promise.all([...leaving, cluster.close()]);
    },
  };
}

/** null where `signal` aborts first. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | null> {
  const { promise: aborted, resolve } = Promise.withResolvers<null>();
  const onAbort = () => resolve(null);
  signal.addEventListener("abort", onAbort);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
