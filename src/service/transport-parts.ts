/** How events get to the projections of a process: by Kafka where there are brokers, else by the events table itself. */
import { TidemarkError } from "../errors.ts";
import { eventsTransport } from "../runtime/events-transport.ts";
import type { LogIdentity, Logger, LogWriter, Transport } from "../runtime/ports.ts";
import type { Opened } from "./opened.ts";
import type { Settings } from "./settings.ts";
import type { WriteParts } from "./write-parts.ts";

export interface TransportParts {
  readonly transport: Transport;
  /** What a relay writes to; undefined without Kafka. */
  readonly openWriter: ((identity: LogIdentity) => Promise<LogWriter>) | undefined;
}

export async function openTransport(settings: Settings, write: WriteParts | undefined, logger: Logger, open: Opened): Promise<TransportParts> {
  if (settings.kafkaBrokers === null) {
    if (write === undefined) throw new TidemarkError("INVALID_SETTING", { setting: "KAFKA_BROKERS", problem: "it must be set where the write store is not this process's" });
    const transport = await eventsTransport(write.store, write.identities);
    open.add(() => transport.close());
    return { transport, openWriter: undefined };
  }
  const { kafka } = await import("../kafka/index.ts").catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw new TidemarkError("MISSING_PACKAGE", { name: "@platformatic/kafka", purpose: "to use Kafka" }, { cause });
  });
  const { transport, openWriter, close } = await kafka({ brokers: settings.kafkaBrokers, prefix: settings.prefix, logger });
  open.add(close);
  return { transport, openWriter };
}
