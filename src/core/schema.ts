/** Standard Schema in Tidemark's words: synchronous validation with RFC 6901 pointers, and the JSON Schemas of both forms. */
import { type InputIssue, TidemarkError } from "../errors.ts";
import type { Schema } from "./definition.ts";
import { pointerTo } from "./pointer.ts";
import { textIssues } from "./text.ts";

export type Validated = { readonly value: unknown; readonly issues?: undefined } | { readonly issues: readonly InputIssue[] };

/**
 * The output form of `value`, or what is wrong with it. Never throws for a bad value.
 * @throws INVALID_DEFINITION for a schema that validates asynchronously
 */
export function validate(schema: Schema, value: unknown): Validated {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) {
    throw new TidemarkError("INVALID_DEFINITION", {
      what: `A schema of '${schema["~standard"].vendor}' validates asynchronously; Tidemark needs one that answers at once.`,
    });
  }
  if (result.issues === undefined) return { value: result.value };
  return { issues: result.issues.map((issue) => ({ pointer: pointerOf(issue.path ?? []), detail: issue.message })) };
}

/** As `validate`, for what comes from outside: text that no store keeps (U+0000, lone surrogates) is refused first. */
export function validateInput(schema: Schema, value: unknown): Validated {
  const issues = textIssues(value);
  return issues.length > 0 ? { issues } : validate(schema, value);
}

/** JSON Schema (draft 2020-12) of a schema's input or output form. @throws INVALID_DEFINITION where the schema library cannot say it */
export function jsonSchemaOf(schema: Schema, form: "input" | "output"): Record<string, unknown> {
  try {
    return schema["~standard"].jsonSchema[form]({ target: "draft-2020-12" });
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new TidemarkError(
      "INVALID_DEFINITION",
      { what: `A schema of '${schema["~standard"].vendor}' has no JSON Schema for its ${form}: ${problem}` },
      { cause },
    );
  }
}

type Segment = PropertyKey | { readonly key: PropertyKey };

const pointerOf = (path: readonly Segment[]): string =>
  path.map((segment) => pointerTo(typeof segment === "object" ? segment.key : segment)).join("");
