/** Which keys a stream, or a document of a view, may have. */
import type { AnyAggregate, AnyView, Schema } from "../core/definition.ts";
import { validateInput } from "../core/schema.ts";

const plainProblem = (key: unknown): readonly string[] =>
  typeof key === "string" && key !== "" ? [] : ["must be a string that is not empty"];

/** What is wrong with a key; nothing if it is a good one. */
export function keyProblems(schema: Schema | undefined, key: unknown): readonly string[] {
  const plain = plainProblem(key);
  if (plain.length > 0 || schema === undefined) return plain;
  return (validateInput(schema, key).issues ?? []).map((issue) => issue.detail);
}

export const streamKeySchema = (aggregate: AnyAggregate): Schema | undefined => aggregate.streamSchema;

/** A view keyed by stream has the keys of its first log's streams; any other view may have any key. */
export const documentKeySchema = (view: AnyView): Schema | undefined => (view.keyed === "stream" ? view.from[0]?.streamSchema : undefined);

/** A field that refers to another view holds one of its keys. */
export const fieldKeySchema = (view: AnyView, field: string): Schema | undefined => {
  const reference = view.references[field];
  return reference === undefined ? undefined : documentKeySchema(reference.view);
};
