/** Which answers of a broker mean what (https://kafka.apache.org/protocol#protocol_error_codes), and how a failure is told to callers. */
import { findErrorBy, protocolErrors } from "@platformatic/kafka";
import { TidemarkError } from "../errors.ts";

export const code = {
  none: 0,
  offsetOutOfRange: 1,
  unknownTopic: 3,
  messageTooLarge: 10,
  invalidTopic: 17,
  recordListTooLarge: 18,
  topicExists: 36,
} as const;

/** Another broker leads now, or the one asked does not know it yet: nothing was done; ask again after a look at the metadata. */
const moved = new Set([
  3, // UNKNOWN_TOPIC_OR_PARTITION
  5, // LEADER_NOT_AVAILABLE
  6, // NOT_LEADER_OR_FOLLOWER
  8, // BROKER_NOT_AVAILABLE
  9, // REPLICA_NOT_AVAILABLE
  19, // NOT_ENOUGH_REPLICAS: refused before the append
  41, // NOT_CONTROLLER
  56, // KAFKA_STORAGE_ERROR
  74, // FENCED_LEADER_EPOCH
  75, // UNKNOWN_LEADER_EPOCH
  78, // OFFSET_NOT_AVAILABLE
  100, // UNKNOWN_TOPIC_ID
  103, // INCONSISTENT_TOPIC_ID
]);

export const isMoved = (errorCode: number): boolean => moved.has(errorCode);

export function nameOfCode(errorCode: number): string {
  const found = Object.values(protocolErrors).find((error) => error.code === errorCode);
  return found === undefined ? `error ${errorCode}` : found.id;
}

/** A protocol error code as an exception; carries nothing but the code. */
export class BrokerRefusal extends Error {
  readonly errorCode: number;
  constructor(what: string, errorCode: number) {
    super(`${what}: ${nameOfCode(errorCode)}`);
    this.name = "BrokerRefusal";
    this.errorCode = errorCode;
  }
}

/** True where asking again may help: the connection, or a leader that moved. */
export function isTransient(error: unknown): boolean {
  if (error instanceof BrokerRefusal) return isMoved(error.errorCode) || error.errorCode === 7;
  if (!(error instanceof Error)) return false;
  if (findErrorBy(error, "closed", true) !== null) return false;
  if (findErrorBy(error, "code", "PLT_KFK_NETWORK") !== null || findErrorBy(error, "code", "PLT_KFK_TIMEOUT") !== null) return true;
  return findErrorBy(error, "canRetry", true) !== null;
}

export const unavailable = (what: string, cause: unknown): TidemarkError<"UNAVAILABLE"> =>
  new TidemarkError("UNAVAILABLE", { what }, { cause });

/** INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE, INVALID_PRODUCER_ID_MAPPING, UNKNOWN_PRODUCER_ID, PRODUCER_FENCED: another began under its transactional id, or Kafka forgot it. */
const fenced = new Set([47, 48, 49, 59, 90]);

export const isFenced = (error: unknown): boolean => error instanceof BrokerRefusal && fenced.has(error.errorCode);
