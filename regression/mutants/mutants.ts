/** All mutants, by clause. */
import { densePositions } from "./clauses/i1-dense-positions.ts";
import { oneEffect } from "./clauses/i4-one-effect.ts";
import { sameAnswer } from "./clauses/i6-same-answer.ts";
import { functionOfLogs } from "./clauses/i9-function-of-logs.ts";
import type { Mutant } from "./mutant.ts";

export const mutants: readonly Mutant[] = [...densePositions, ...oneEffect, ...sameAnswer, ...functionOfLogs];
