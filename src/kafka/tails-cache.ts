/** The ends of logs as projections see them, read anew only where the end offset has moved. */
import type { Cluster } from "./cluster.ts";
import { unavailable, BrokerRefusal, code } from "./protocol-errors.ts";
import { readTails, type TailAt } from "./tails.ts";

/** Positions by partition number. @throws LOG_DIVERGED, UNAVAILABLE, CLOSED */
export function tailsCache(cluster: Cluster, topicOfLog: (log: string) => string): (log: string) => Promise<readonly number[]> {
  const known = new Map<string, { topicId: string; tails: ReadonlyMap<number, TailAt> }>();
  return async (log) => {
    const topic = topicOfLog(log);
    // the topic id is what tells a topic made again, so it is asked for each time
    const metadata = await cluster.refresh(topic);
    if (metadata === null) throw unavailable(`topic ${topic}`, new BrokerRefusal(`topic ${topic}`, code.unknownTopic));
    const before = known.get(log);
    const tails = await readTails(cluster, topic, [...metadata.leaders.keys()], {
      log,
      logId: null,
      ...(before?.topicId === metadata.topicId ? { known: before.tails } : {}),
    });
    known.set(log, { topicId: metadata.topicId, tails: new Map(tails.map((tail) => [tail.partition, tail])) });
    return tails.map((tail) => tail.position);
  };
}
