/** Shares partitions among the members of a group, as a Kafka consumer group does: anew at every join and leave. */
import type { Broker, Member } from "./topic.ts";

/** Returns what leaves the group again. */
export function joinGroup(broker: Broker, group: string, member: Member): () => void {
  const members = broker.groups.get(group) ?? [];
  broker.groups.set(group, members);
  members.push(member);
  share(broker, group);
  return () => {
    const at = members.indexOf(member);
    if (at < 0) return;
    members.splice(at, 1);
    share(broker, group);
  };
}

/** Gives every member its whole assignment again. */
export function share(broker: Broker, group: string): void {
  const members = broker.groups.get(group) ?? [];
  members.forEach((member, turn) => {
    const assignments = member.logs.map((log) => {
      const count = broker.topics.get(log)?.partitions.length ?? 0;
      return { log, partitions: [...Array(count).keys()].filter((partition) => partition % members.length === turn) };
    });
    queueMicrotask(() => {
      if (members.includes(member)) member.onAssigned(assignments);
    });
  });
}
