/** Every port in memory: the reference that others are compared with, and what deterministic tests and simulations run on. */
export { memoryDocumentStore, type DocumentDatabase, type MemoryDocumentStore } from "./document-store.ts";
export { memoryEventStore, type MemoryEventStore, type MemoryEventStoreOptions } from "./event-store.ts";
export { faults, type FaultPoint, type FaultPoints, type Faults, type Held, type Hook, type Notification } from "./faults.ts";
export { memoryLogWriters, type MemoryLogWriterOptions } from "./log-writer.ts";
export { readDatabase, type ReadDatabase } from "./read-database.ts";
export { broker, type Broker, type Topic, type TopicPartition, type TopicRecord } from "./topic.ts";
export { memoryTransport, type MemoryTransport, type MemoryTransportOptions } from "./transport.ts";
export { freshFold, viewFold, type FoldedDocument, type ViewFold } from "./view-fold.ts";
export { memoryViewCatalog, type MemoryViewCatalog } from "./view-catalog.ts";
export { memoryViewStore, type MemoryViewStore } from "./view-store.ts";
export { writeDatabase, type WriteDatabase } from "./write-database.ts";
export { commandBroker, type CommandBroker } from "./command-topic.ts";
export { commandTables, memoryCommandLedger, type CommandTables, type MemoryCommandLedger } from "./command-ledger.ts";
