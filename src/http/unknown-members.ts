/** Members that a schema does not know, found whatever the schema library does with them (many drop them silently). */
import { pointerTo } from "../core/pointer.ts";
import type { InputIssue } from "../errors.ts";
import { isObject, type JsonSchema, resolve } from "./json-schema.ts";

type Visit = (value: unknown, pointer: string, issues: InputIssue[]) => void;

/**
 * Compiled once per schema; then one walk over the value.
 * @param root as `inputSchema` gives it, closed
 */
export function unknownMembers(root: JsonSchema): (value: unknown) => readonly InputIssue[] {
  const visit = compile(root, root, new Map());
  return (value) => {
    const issues: InputIssue[] = [];
    visit?.(value, "", issues);
    return issues;
  };
}

/** null: nothing below can be unknown. */
function compile(root: JsonSchema, unresolved: unknown, known: Map<JsonSchema, Visit>): Visit | null {
  const schema = resolve(root, unresolved);
  const seen = known.get(schema);
  if (seen !== undefined) return seen;
  let visit: Visit | null = null;
  // A schema that holds itself meets this entry while it is compiled.
  known.set(schema, (value, pointer, issues) => visit?.(value, pointer, issues));
  const parts = [objectVisit(root, schema, known), arrayVisit(root, schema, known), choiceVisit(root, schema, known)].filter(
    (part) => part !== null,
  );
  if (parts.length > 0)
    visit = (value, pointer, issues) => {
      for (const part of parts) part(value, pointer, issues);
    };
  return visit;
}

function objectVisit(root: JsonSchema, schema: JsonSchema, known: Map<JsonSchema, Visit>): Visit | null {
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  const rest = schema["additionalProperties"];
  const patterns = isObject(schema["patternProperties"])
    ? Object.keys(schema["patternProperties"]).map((pattern) => new RegExp(pattern, "u"))
    : [];
  const members = new Map(Object.entries(properties).map(([name, property]) => [name, compile(root, property, known)]));
  const others = isObject(rest) ? compile(root, rest, known) : null;
  if (rest !== false && others === null && [...members.values()].every((member) => member === null)) return null;
  return (value, pointer, issues) => {
    if (!isObject(value)) return;
    for (const name of Object.keys(value)) {
      const member = members.get(name);
      if (member !== undefined) member?.(value[name], pointer + pointerTo(name), issues);
      else if (rest !== false) others?.(value[name], pointer + pointerTo(name), issues);
      else if (!patterns.some((pattern) => pattern.test(name)))
        issues.push({ pointer: pointer + pointerTo(name), detail: "is not a known member" });
    }
  };
}

function arrayVisit(root: JsonSchema, schema: JsonSchema, known: Map<JsonSchema, Visit>): Visit | null {
  const first = Array.isArray(schema["prefixItems"]) ? schema["prefixItems"].map((item) => compile(root, item, known)) : [];
  const rest = isObject(schema["items"]) ? compile(root, schema["items"], known) : null;
  if (rest === null && first.every((item) => item === null)) return null;
  return (value, pointer, issues) => {
    if (Array.isArray(value))
      value.forEach((item, index) => (index < first.length ? first[index] : rest)?.(item, `${pointer}/${index}`, issues));
  };
}

/** Of several possible schemas the one that knows most of the value's members is taken. */
function choiceVisit(root: JsonSchema, schema: JsonSchema, known: Map<JsonSchema, Visit>): Visit | null {
  const choices = [schema["anyOf"], schema["oneOf"]]
    .filter(Array.isArray)
    .flat()
    .filter((choice) => resolve(root, choice)["type"] !== "null");
  const visits = choices.map((choice) => compile(root, choice, known));
  if (visits.every((visit) => visit === null)) return null;
  return (value, pointer, issues) => {
    const found = visits.map((visit) => {
      const own: InputIssue[] = [];
      visit?.(value, pointer, own);
      return own;
    });
    const best = found.reduce((least, next) => (next.length < least.length ? next : least));
    issues.push(...best);
  };
}

/** A copy of `value` that lacks the members at these pointers, so that a strict schema does not find them a second time. */
export function without(value: unknown, pointers: readonly string[]): unknown {
  const copy: unknown = structuredClone(value);
  for (const pointer of pointers) {
    const steps = pointer
      .split("/")
      .slice(1)
      .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = steps.pop();
    const parent = steps.reduce<unknown>(
      (at, step) => (typeof at === "object" && at !== null ? (at as Record<string, unknown>)[step] : undefined),
      copy,
    );
    if (last !== undefined && isObject(parent)) delete parent[last];
  }
  return copy;
}
