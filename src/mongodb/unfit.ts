/** What MongoDB would refuse or keep in another form: said before it is sent, so that nothing is altered without a word. */
import type { Document } from "../core/definition.ts";
import { meta } from "./names.ts";

/** The server's limit for a document, and for how deep it nests, less what stands beside the document's own fields. */
export const maxDocumentBytes = 16 * 1024 * 1024 - 64 * 1024;
const maxDepth = 96;

/** undefined: it can be kept as it is. */
export function unfit(document: Document): string | undefined {
  for (const field of Object.keys(document)) {
    if (field === "_id" || field === meta || field.startsWith("$")) return `MongoDB cannot keep a field named '${field}' in a document`;
  }
  return unfitValue(document, 1);
}

function unfitValue(value: unknown, depth: number): string | undefined {
  if (typeof value === "string") return value.isWellFormed() ? undefined : "MongoDB cannot keep a text that holds half of a surrogate pair";
  if (typeof value !== "object" || value === null) return undefined;
  if (depth > maxDepth) return `MongoDB cannot keep a document that nests deeper than ${maxDepth} levels`;
  if (Array.isArray(value)) {
    for (const item of value) {
      const problem = unfitValue(item, depth + 1);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
  for (const [field, member] of Object.entries(value)) {
    const problem = unfitField(field) ?? unfitValue(member, depth + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** The driver takes objects with some of these for values of its own, and gives back others for those it finds. */
function unfitField(field: string): string | undefined {
  if (field.includes("\0") || !field.isWellFormed())
    return "MongoDB cannot keep a field whose name holds U+0000 or half of a surrogate pair";
  if (field === "_bsontype" || field === "$ref" || field === "$id" || field === "__proto__" || field === "toBSON")
    return `MongoDB's driver has a meaning of its own for a field named '${field}'`;
  return undefined;
}
