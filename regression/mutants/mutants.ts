/** All mutants, by clause. */
import { densePositions } from "./clauses/i1-dense-positions.ts";
import { sameAnswer } from "./clauses/i6-same-answer.ts";
import type { Mutant } from "./mutant.ts";

export const mutants: readonly Mutant[] = [...densePositions, ...sameAnswer];
