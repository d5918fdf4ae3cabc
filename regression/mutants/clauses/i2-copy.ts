/** I2: Kafka is a copy. */
import type { Mutant } from "../mutant.ts";

const writer = "src/kafka/log-writer.ts";
const onKafka = (pattern: string) => [{ file: "src/kafka/log-writer.int.test.ts", pattern }];

export const copy: readonly Mutant[] = [
  {
    name: "murmur2-sign",
    clause: "I2",
    takes: "toPositive as Kafka's Java client computes it",
    file: "src/core/partition.ts",
    find: "(murmur2(encoder.encode(stream)) & 0x7fffffff) % partitions",
    replace: "Math.abs(murmur2(encoder.encode(stream))) % partitions",
    tests: [{ file: "src/core/partition.test.ts", pattern: "the partition is that of Java" }],
  },
  {
    name: "murmur2-shift",
    clause: "I2",
    takes: "the unsigned shift of murmur2",
    file: "src/core/partition.ts",
    find: "h ^= h >>> 13;",
    replace: "h ^= h >> 13;",
    tests: [{ file: "src/core/partition.test.ts", pattern: "is that of Kafka's Java client" }],
  },
  {
    name: "relay-two-in-flight",
    clause: "I2",
    takes: "one send in flight per partition",
    file: "src/runtime/relay-run.ts",
    find: "|| s.recovering || s.sending ||",
    replace: "|| s.recovering ||",
    tests: [{ file: "src/runtime/relay-in-flight.test.ts" }],
  },
  {
    name: "given-back-in-flight",
    clause: "I2",
    takes: "a partition is given back after its send has ended",
    file: "src/runtime/relay-partitions.ts",
    find: "states.get(partition)?.sending !== true && ",
    replace: "",
    tests: [{ file: "src/runtime/relay-share.test.ts", pattern: "a partition is given back only after its send has ended" }],
  },
  {
    name: "writer-two-in-flight",
    clause: "I2",
    takes: "the writer's sends of a partition wait for each other",
    file: writer,
    find: "await before?.catch(() => {}); //",
    replace: "//",
    tests: onKafka("sends of several partitions at once"),
  },
  {
    name: "send-with-hole",
    clause: "I2",
    takes: "a hole in what is sent is refused",
    file: writer,
    find: "if (last !== undefined && position > last + 1)",
    replace: "if (false)",
    tests: onKafka("a hole in what is to be sent"),
  },
  {
    name: "send-after-failure",
    clause: "I2",
    takes: "a partition whose send failed waits for its tail to be read",
    file: writer,
    find: "if (stopped.has(partition))",
    replace: "if (false)",
    tests: onKafka("the largest event by recordBytes"),
  },
];
