/** How events get to the projections of a process: by Kafka where there are brokers, else by the events table itself. */
import { TidemarkError } from "../errors.ts";
import { eventsTransport } from "../runtime/events-transport.ts";
import type { LogIdentity, LogWriter, Transport } from "../runtime/ports.ts";
import { openKafka } from "./kafka-package.ts";
import type { Opened } from "./opened.ts";
import type { Settings } from "./settings.ts";
import type { WriteParts } from "./write-parts.ts";

export interface TransportParts {
  readonly transport: Transport;
  /** What a relay writes to; undefined without Kafka. */
  readonly openWriter: ((identity: LogIdentity, options: { readonly create: boolean }) => Promise<LogWriter>) | undefined;
}

export async function openTransport(settings: Settings, write: WriteParts | undefined, open: Opened): Promise<TransportParts> {
  if (settings.kafkaBrokers === null) {
    if (write === undefined)
      throw new TidemarkError("INVALID_SETTING", {
        setting: "KAFKA_BROKERS",
        problem: "it must be set where the write store is not this process's",
      });
    const transport = await eventsTransport(write.store, write.identities);
    open.add(() => transport.close());
    return { transport, openWriter: undefined };
  }
  const { kafkaTransport, openCluster, openLogWriter, topicOf } = await openKafka();
  const options = { brokers: settings.kafkaBrokers.join(","), prefix: settings.prefix };
  const transport = kafkaTransport(options);
  open.add(() => transport.close());
  const cluster = openCluster(options);
  open.add(() => cluster.close());
  return {
    transport,
    openWriter: (identity, { create }) => openLogWriter(cluster, { topic: topicOf(settings.prefix, identity.log), identity, create }),
  };
}
