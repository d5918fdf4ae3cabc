/** What the Kafka adapter is told, and the names that follow from it. */
import { TidemarkError } from "../errors.ts";

export interface KafkaOptions {
  /** `host:port,host:port`: brokers to begin with; the others are learnt from them. */
  readonly brokers: string;
  /** What the brokers write in their logs. "tidemark" unless given. */
  readonly clientId?: string;
  /** Before topic and group names. Empty unless given. */
  readonly prefix?: string;
}

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

export const topicOf = (prefix: string, log: string): string => `${prefix}${log}-events`;
export const commandTopicOf = (prefix: string, log: string): string => `${prefix}${log}-commands`;
export const repliesTopicOf = (prefix: string, log: string): string => `${prefix}${log}-replies`;

/** @throws INVALID_SETTING */
export function parseBrokers(brokers: string): BrokerAddress[] {
  const parts = brokers
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  if (parts.length === 0) throw invalid("it names no broker");
  return parts.map((part) => {
    const found = /^(?:\[([0-9a-fA-F:]+)\]|([^\s:/@]+)):(\d{1,5})$/.exec(part);
    const port = Number(found?.[3]);
    if (found === null || port < 1 || port > 65_535) throw invalid(`'${part}' is not host:port`);
    return { host: found[1] ?? found[2]!, port };
  });
}

const invalid = (problem: string) => new TidemarkError("INVALID_SETTING", { setting: "KAFKA_BROKERS", problem });
