export interface BrokerSettings {
  readonly dataDir: string;
  readonly port: number;
  readonly controllerPort: number;
  /**
   * How long a killed broker's node id stays taken, which is how long its restart takes at least.
   * @default 9000, Kafka's own; less makes restarts quick and a loaded machine nervous
   */
  readonly sessionTimeoutMs?: number;
}

/** server.properties of one broker that is its own controller, small enough for a test machine. */
export function serverProperties({ dataDir, port, controllerPort, sessionTimeoutMs = 9_000 }: BrokerSettings): string {
  const settings: Record<string, string | number | boolean> = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    "listeners": `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "log.dirs": dataDir,
    "auto.create.topics.enable": false,
    "group.initial.rebalance.delay.ms": 0,
    "offsets.topic.num.partitions": 1,
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "num.network.threads": 2,
    "num.io.threads": 2,
    // The default of 128 MiB is allocated at once and would not fit the heap: the broker would die after its port is open.
    "log.cleaner.dedupe.buffer.size": 2_097_152,
    "broker.session.timeout.ms": sessionTimeoutMs,
    "broker.heartbeat.interval.ms": Math.min(2_000, Math.floor(sessionTimeoutMs / 6)),
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}
