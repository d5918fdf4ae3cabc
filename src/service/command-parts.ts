/** Asynchronous acceptance in a process: where commands wait, who decides them, and who is asked what became of them. */
import type { AnyAggregate } from "../core/definition.ts";
import { commandForm } from "../http/command-form.ts";
import { acceptedCommands, commandLedger, type Database } from "../postgres/index.ts";
import { type CommandAcceptance, commandAcceptance } from "../runtime/command-acceptance.ts";
import type { Authorize } from "../runtime/command-entries.ts";
import { commandHandover } from "../runtime/command-handover.ts";
import type { CommandLedger, CommandTopic } from "../runtime/command-ports.ts";
import { type CommandProcessor, commandProcessor } from "../runtime/command-processor.ts";
import type { LogIdentity, Logger } from "../runtime/ports.ts";
import { openKafka } from "./kafka-package.ts";
import type { Opened } from "./opened.ts";
import type { Settings } from "./settings.ts";
import { maxEventBytes, type WriteParts } from "./write-parts.ts";

export interface CommandParts {
  readonly processors: readonly CommandProcessor[];
  readonly ledger: CommandLedger;
  /** Of the role command; it takes commands only where somebody would decide them. */
  readonly acceptance: CommandAcceptance | undefined;
  /** The end of each partition of a log's topic of commands. */
  readonly ends: (log: string) => Promise<readonly number[]>;
}

export interface CommandPartsOptions {
  readonly name: string;
  readonly settings: Settings;
  readonly aggregates: readonly AnyAggregate[];
  readonly statuses: Readonly<Record<string, number>>;
  readonly authorize?: Authorize | undefined;
  readonly write: WriteParts;
  readonly logger: Logger;
  readonly onAppended: (log: string, partition: number, position: number) => void;
}

export async function openCommandParts(options: CommandPartsOptions, open: Opened): Promise<CommandParts> {
  const { settings, aggregates, write, logger } = options;
  const processes = settings.roles.has("processor");
  const form = commandForm(aggregates, options.statuses);
  const ledger = commandLedger(write.database);
  open.add(() => ledger.close());
  const openTopic = await topicsOf(options, open);
  const identityOf = (log: string): LogIdentity => write.identities.get(log)!;
  const looking = new Map<string, Promise<CommandTopic>>();

  const handover = processes && settings.roles.has("command") ? commandHandover() : undefined;
  const acceptance = settings.roles.has("command")
    ? commandAcceptance({
        topics: new Map(aggregates.map(({ name }) => [name, () => openTopic(identityOf(name))])),
        // without Kafka a process that decides nothing leaves commands to those that do
        accepts: settings.kafkaBrokers !== null || processes,
        identities: write.identities,
        ledger,
        form,
        handover,
      })
    : undefined;
  if (acceptance !== undefined) open.add(() => acceptance.close());
  const processors = processes
    ? aggregates.map((aggregate) =>
        commandProcessor({
          aggregate,
          identity: identityOf(aggregate.name),
          openTopic: () => openTopic(identityOf(aggregate.name)),
          ledger,
          store: write.store,
          form,
          authorize: options.authorize,
          handover,
          logger,
          maxEventBytes,
          onAppended: options.onAppended,
          ...(acceptance === undefined ? {} : { onSettled: (ids) => acceptance.settled(ids) }),
        }),
      )
    : [];
  open.add(() => Promise.all(processors.map((each) => each.stop())));

  return {
    processors,
    ledger,
    acceptance,
    async ends(log) {
      const topic = looking.get(log) ?? openTopic(identityOf(log));
      looking.set(log, topic);
      try {
        return (await (await topic).bounds()).map(({ end }) => end);
      } catch (error) {
        looking.delete(log);
        throw error;
      }
    },
  };
}

async function topicsOf(
  { name, settings, write }: CommandPartsOptions,
  open: Opened,
): Promise<(identity: LogIdentity) => Promise<CommandTopic>> {
  if (settings.kafkaBrokers === null) {
    const accepted = acceptedCommands(write.database);
    return (identity) => Promise.resolve(accepted.topic(identity));
  }
  const { openCluster, openCommandTopic } = await openKafka();
  const cluster = openCluster({ brokers: settings.kafkaBrokers.join(","), prefix: settings.prefix });
  open.add(() => cluster.close());
  return ({ log, partitions }) =>
    openCommandTopic(cluster, { log, partitions, create: settings.roles.has("processor"), group: `${name}.${log}.commands` });
}

/** The ends of topics of commands, for those who only look: by Kafka where there are brokers, else by the table. */
export async function commandEnds(
  settings: Settings,
  database: Database,
  open: Opened,
): Promise<(log: string) => Promise<readonly number[]>> {
  if (settings.kafkaBrokers === null) {
    return async (log) => {
      const { rows } = await database.query<{ partition: number; next_offset: number }>({
        text: "select partition, next_offset from accepted_ends where log = $1",
        values: [log],
      });
      const ends: number[] = [];
      for (const { partition, next_offset } of rows) ends[partition] = next_offset;
      return ends;
    };
  }
  const { commandTopicEnds, openCluster } = await openKafka();
  const cluster = openCluster({ brokers: settings.kafkaBrokers.join(","), prefix: settings.prefix });
  open.add(() => cluster.close());
  return (log) => commandTopicEnds(cluster, log);
}
