/** What a regression run writes down: what clients asked and were told, and what the stores held at the end. The checker judges nothing else. */

export type CommandKind =
  | "RegisterCustomer"
  | "RenameCustomer"
  | "CreateOrder"
  | "AddItem"
  | "SubmitOrder"
  | "PayOrder"
  | "ShipOrder"
  | "CancelOrder";

/** A final answer: one that a repeat with the same key must give again. */
export interface Answer {
  readonly process: string;
  readonly status: number;
  /** The problem's code; null for an accepted command. */
  readonly code: string | null;
  readonly body: unknown;
  readonly token: string | null;
  readonly replayed: boolean;
}

export interface CommandRecord {
  readonly client: string;
  /** The idempotency key. It stands in the body too (in a name, a reason …), so that the effect is found without trusting any id of the service. */
  readonly key: string;
  readonly kind: CommandKind;
  readonly path: string;
  readonly body: unknown;
  /** Attempts whose outcome is unknown: connection lost, timeout, 5xx. */
  unknown: number;
  readonly answers: Answer[];
}

/** A (log, partition, position) that the token of a write or a read names. */
export interface Mark {
  readonly log: string;
  readonly partition: number;
  readonly position: number;
}

/** What the token asked with promises: at least these versions. */
export interface Promised {
  readonly log: "orders" | "customers";
  readonly stream: string;
  readonly version: number;
}

export interface ReadRecord {
  readonly client: string;
  readonly process: string;
  readonly shape: "order" | "customer" | "list";
  readonly path: string;
  readonly status: number;
  readonly code: string | null;
  readonly body: unknown;
  readonly promised: readonly Promised[];
}

export interface History {
  readonly commands: CommandRecord[];
  readonly reads: ReadRecord[];
}

export interface EventRow {
  readonly log: string;
  readonly partition: number;
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly id: string;
  readonly commandId: string;
  /** The stored JSON texts. */
  readonly data: string;
  readonly metadata: string;
}

/** A row of the commands table: the stored answer of a command id. */
export interface StoredCommand {
  readonly commandId: string;
  readonly log: string;
  readonly stream: string;
  readonly version: number;
  /** True where the command made events (then the last of them has `version`). */
  readonly withEvents: boolean;
}

export interface HeadRow {
  readonly log: string;
  readonly partition: number;
  readonly position: number;
}

export interface KafkaRecord {
  readonly log: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: string;
  readonly position: number;
  readonly id: string;
  readonly logId: string;
}

export interface CheckpointRow {
  readonly view: string;
  readonly log: string;
  readonly partition: number;
  readonly position: number;
  readonly eventId: string | null;
}

/** A document of a view's live generation, money as HTTP gives it. */
export interface ViewDocument {
  readonly view: "order_summaries" | "order_details" | "customer_profiles";
  readonly key: string;
  readonly document: unknown;
  readonly version: number;
  readonly lastUpdated: string;
}

/** The stores after the load stopped and everything caught up. */
export interface Stores {
  readonly logs: readonly { readonly log: string; readonly logId: string; readonly partitions: number }[];
  readonly heads: readonly HeadRow[];
  /** In order of log, partition, position. */
  readonly events: readonly EventRow[];
  readonly commands: readonly StoredCommand[];
  /** In order of log, partition, offset. Null where no Kafka is part of the run. */
  readonly records: readonly KafkaRecord[] | null;
  readonly checkpoints: readonly CheckpointRow[];
  readonly documents: readonly ViewDocument[];
}

export type ViolationKind =
  | "lost"
  | "doubled"
  | "phantom"
  | "answer"
  | "positions"
  | "versions"
  | "order"
  | "heads"
  | "copy"
  | "read"
  | "view"
  | "checkpoint"
  | "stored-answer"
  | "process"
  | "catch-up"
  | "deadlock"
  | "relay"
  /** What has to go on while a store is down did not, or nobody was told what is behind. */
  | "outage";

export interface Violation {
  readonly kind: ViolationKind;
  /** One line that names the thing, what was expected and what was found. */
  readonly text: string;
}
