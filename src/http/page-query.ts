/** What lists and searches share: filters, limits, cursors and the way to the next page. */
import type { AnyView, Schema } from "../core/definition.ts";
import { jsonSchemaOf } from "../core/schema.ts";
import { type ParameterIssue, TidemarkError } from "../errors.ts";
import { type JsonSchema, propertyOf } from "./json-schema.ts";
import type { RawParameters } from "./query-string.ts";
import type { FindRoute } from "./route-types.ts";
import { notNull, type Scalar, scalarCheck, type ScalarParser, scalarParser } from "./scalar.ts";
import { fieldKeySchema, keyProblems } from "./stream-key.ts";

export const defaultLimit = 20;
export const maxLimit = 100;

/** Reads the given filters; what is wrong with them goes to `issues`. */
export type FilterReader = (given: RawParameters, issues: ParameterIssue[]) => Record<string, Scalar>;

/** @throws INVALID_DEFINITION for a field that cannot be a parameter */
export function filterReader(view: AnyView, filter: readonly string[]): FilterReader {
  const filters = filter.map((name) => [name, filterParser(view, name)] as const);
  return (given, issues) => {
    const where: Record<string, Scalar> = {};
    for (const [parameter, parse] of filters) {
      const text = given.get(parameter);
      if (text === undefined) continue;
      const parsed = parse(text);
      if (parsed.problem === undefined) where[parameter] = parsed.value;
      else issues.push({ parameter, detail: parsed.problem });
    }
    return where;
  };
}

/** The default where none is given or the given one is wrong, which goes to `issues`. */
export function limitOf(query: RawParameters, issues: ParameterIssue[]): number {
  const text = query.get("limit");
  if (text === undefined) return defaultLimit;
  if (/^[1-9]\d{0,2}$/.test(text) && Number(text) <= maxLimit) return Number(text);
  issues.push({ parameter: "limit", detail: `must be a whole number from 1 to ${maxLimit}` });
  return defaultLimit;
}

/** `Link` of a page; none at the end. */
export function linkOf(url: string, query: RawParameters, nextCursor: string | null): { readonly link?: string } {
  if (nextCursor === null) return {};
  const next = new URLSearchParams([...query]);
  next.set("cursor", nextCursor);
  return { link: `<${url.split(/[?#]/, 1)[0]}?${next.toString()}>; rel="next"` };
}

/** How a filter's text is read: as its field is stored, and as a key where the field refers to another view. */
export function filterParser(view: AnyView, field: string): ScalarParser {
  const parse =
    scalarParser(storedSchema(view), storedField(view, field)) ?? refuse(view, field, "it holds no text, number or truth value");
  const keySchema: Schema | undefined = fieldKeySchema(view, field);
  if (keySchema === undefined) return parse;
  return (text) => {
    const problem = keyProblems(keySchema, text)[0];
    return problem === undefined ? parse(text) : { problem };
  };
}

export const storedSchema = (view: AnyView): JsonSchema => jsonSchemaOf(view.document, "output");

/** A field that is stored in another form than clients see cannot be a parameter: its text would mean something else. @throws INVALID_DEFINITION */
export function storedField(view: AnyView, field: string): JsonSchema {
  const [stored, seen] = (["output", "input"] as const).map((form) => {
    const root: JsonSchema = jsonSchemaOf(view.document, form);
    const schema = propertyOf(root, field);
    return schema === undefined ? undefined : notNull(root, schema);
  });
  if (stored === undefined || seen === undefined) return refuse(view, field, "the document's schema does not name it");
  if (JSON.stringify(stored["type"]) !== JSON.stringify(seen["type"]))
    return refuse(view, field, "it is stored in another form than it is shown in");
  return stored;
}

export function refuse(view: AnyView, field: string, problem: string): never {
  throw new TidemarkError("INVALID_DEFINITION", { what: `View '${view.name}' cannot be filtered by '${field}' over HTTP: ${problem}.` });
}

/** Are these the values of the order fields and a key, as a document of this view could have them? */
export function cursorCheck(view: AnyView, { order }: Pick<FindRoute, "order">): (values: readonly unknown[]) => boolean {
  const root = storedSchema(view);
  const checks = order.map(({ field }) => scalarCheck(root, propertyOf(root, field)));
  const isKey = (value: unknown) => typeof value === "string" && value !== "" && value.isWellFormed() && !value.includes("\u0000");
  return (values) => values.length === checks.length + 1 && checks.every((check, index) => check(values[index])) && isKey(values.at(-1));
}
