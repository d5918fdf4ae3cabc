/** Membership in a consumer group (classic protocol), by the library's client; for sharing partitions only, nothing is consumed through it. */
import { Consumer } from "@platformatic/kafka";
import { pause } from "../runtime/wake.ts";
import type { Cluster } from "./cluster.ts";

export interface MembershipOptions {
  /** A member that is silent for so long loses its partitions. 6–10 s. */
  readonly sessionTimeoutMs: number;
  /** How soon a member notices that partitions are shared anew. 500–1,000 ms. */
  readonly heartbeatMs: number;
}

export interface TopicAssignment {
  readonly topic: string;
  readonly partitions: readonly number[];
}

export interface Membership {
  /** Gives the partitions to the others at once where the coordinator can be reached. Takes no longer than about a second. */
  leave(): Promise<void>;
}

const firstPauseMs = 100;
const longestPauseMs = 2_000;
const leaveTimeoutMs = 1_000;

/**
 * Resolves with the first assignment. From then on it stays a member by itself: what the client gives up on is begun anew.
 * `onAssigned` gets the whole assignment each time; between losing a membership and the next assignment nothing is said.
 */
export async function joinGroup(
  cluster: Cluster,
  group: string,
  topics: readonly string[],
  options: MembershipOptions,
  onAssigned: (assignments: readonly TopicAssignment[]) => void,
): Promise<Membership> {
  const leaving = new AbortController();
  const first = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  leaving.signal.addEventListener("abort", () => left.resolve(), { once: true });
  const onClosed = () => leaving.abort();
  cluster.closed.addEventListener("abort", onClosed, { once: true });

  /** One client's life: until it fails or the group is left. */
  const live = async (): Promise<void> => {
    const consumer = new Consumer({
      clientId: cluster.clientId,
      groupId: group,
      bootstrapBrokers: cluster.bootstrap.map((broker) => ({ ...broker })),
      sessionTimeout: options.sessionTimeoutMs,
      rebalanceTimeout: options.sessionTimeoutMs,
      heartbeatInterval: options.heartbeatMs,
      retries: 3,
      retryDelay: 200,
      connectTimeout: 3_000,
      timeout: options.sessionTimeoutMs,
      autocommit: false,
    });
    const failed = Promise.withResolvers<void>();
    consumer.on("error", () => failed.resolve());
    consumer.on("consumer:heartbeat:stalled", () => failed.resolve());
    consumer.on("consumer:group:join", ({ assignments }) => {
      if (leaving.signal.aborted) return;
      onAssigned((assignments ?? []).map(({ topic, partitions }) => ({ topic, partitions: [...partitions] })));
      first.resolve();
    });
    try {
      consumer.topics.trackAll(...topics);
      await Promise.race([consumer.joinGroup({}), left.promise]);
      if (!leaving.signal.aborted) await Promise.race([failed.promise, left.promise]);
    } finally {
      await closeWithin(consumer, leaveTimeoutMs);
    }
  };

  const run = async (): Promise<void> => {
    for (let pauseMs = firstPauseMs; !leaving.signal.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      const begun = performance.now();
      // whatever ended it, the answer is the same: come back as a new member
      await live().catch(() => {});
      if (performance.now() - begun > 10 * longestPauseMs) pauseMs = firstPauseMs;
      await pause(pauseMs, leaving.signal);
    }
  };
  const running = run();
  await Promise.race([first.promise, left.promise]);
  return {
    async leave() {
      cluster.closed.removeEventListener("abort", onClosed);
      leaving.abort();
      await running;
    },
  };
}

async function closeWithin(consumer: Consumer, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  try {
    // a group that cannot be left now forgets the member after its session timeout
    await Promise.race([consumer.close(true).catch(() => {}), promise]);
  } finally {
    clearTimeout(timer);
  }
}
