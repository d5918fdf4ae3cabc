/** All mutants, by clause. */
import { densePositions } from "./clauses/i1-dense-positions.ts";
import { outboxPositions } from "./clauses/i1-outbox.ts";
import { copy } from "./clauses/i2-copy.ts";
import { nobodyTrusted } from "./clauses/i3-nobody-trusted.ts";
import { documentLoads } from "./clauses/i4-document-loads.ts";
import { documentStores } from "./clauses/i4-document-stores.ts";
import { lostStorage } from "./clauses/i4-lost-storage.ts";
import { oneEffect } from "./clauses/i4-one-effect.ts";
import { topicStore } from "./clauses/i4-topic-store.ts";
import { token } from "./clauses/i5-token.ts";
import { commandFaults } from "./clauses/i6-command-faults.ts";
import { commandTopic } from "./clauses/i6-command-topic.ts";
import { sameAnswer } from "./clauses/i6-same-answer.ts";
import { batches } from "./clauses/i7-batches.ts";
import { samePositions } from "./clauses/i8-positions.ts";
import { functionOfLogs } from "./clauses/i9-function-of-logs.ts";
import { rollups } from "./clauses/rollups.ts";
import { search } from "./clauses/search.ts";
import type { Mutant } from "./mutant.ts";

export const mutants: readonly Mutant[] = [
  ...densePositions,
  ...outboxPositions,
  ...copy,
  ...nobodyTrusted,
  ...oneEffect,
  ...documentLoads,
  ...documentStores,
  ...lostStorage,
  ...topicStore,
  ...token,
  ...sameAnswer,
  ...commandTopic,
  ...commandFaults,
  ...batches,
  ...samePositions,
  ...functionOfLogs,
  ...rollups,
  ...search,
];
