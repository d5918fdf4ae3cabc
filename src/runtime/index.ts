/** The logic on ports, for those who assemble a process by other parts than `service` does. */

// commands
export { commandHandler, type CommandHandler, type CommandHandlerOptions } from "./command-handler.ts";
export { commandAcceptance, type AcceptOptions, type CommandAcceptance, type CommandStatus } from "./command-acceptance.ts";
export type { Authorize, CommandSender } from "./command-entries.ts";
export type { CommandAnswer, CommandForm, CommandLedger, CommandRecord, CommandReply, CommandTopic } from "./command-ports.ts";
export { commandProcessor, type CommandProcessor, type CommandProcessorOptions } from "./command-processor.ts";

// logs
export { eventsTransport } from "./events-transport.ts";
export { relay, type Relay, type RelayOptions, type RelayState } from "./relay.ts";

// projections
export { endsRecorder, type EndsRecorder } from "./ends-recorder.ts";
export { fillAndSwitch, type FillOptions, type RebuildProgress } from "./rebuild.ts";
export { viewWorker, type ViewWorker, type ViewWorkerOptions } from "./view-worker.ts";

// queries
export { querySide, type QueriesOptions, type QuerySide } from "./queries.ts";

// what callers use, and what adapters implement
export type {
  Accepted,
  CommandContext,
  Commands,
  ExecuteOptions,
  ExpectedVersion,
  Health,
  HealthCheck,
  Outcome,
  Queries,
  Read,
  ReadOptions,
  Rejected,
} from "./app.ts";
export type {
  AppendCommand,
  AppendOutcome,
  Assignment,
  Batch,
  Checkpoint,
  CheckpointMoved,
  Clock,
  Condition,
  Cursor,
  EventStore,
  Failure,
  FindQuery,
  FoundPage,
  Generation,
  KnownEnd,
  LogIdentity,
  Logger,
  LogReader,
  LogWriter,
  NewStoredEvent,
  Share,
  StoredAnswer,
  StoredDocument,
  StoredEvent,
  StreamEvent,
  Tail,
  Transport,
  Unsubscribe,
  ViewProjection,
  ViewStatus,
  ViewStore,
} from "./ports.ts";
