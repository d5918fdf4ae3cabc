/** What must hold of a rollup's definition, and the rules that follow from it. */
import type { AnyView, Schema } from "./definition.ts";
import { type FieldTypes, fieldTypesOf, onlyType } from "./document-fields.ts";
import { checkName, refuse } from "./names.ts";
import type { Measure, Period } from "./rollup-measures.ts";
import type { DimensionRule, MeasureRule, RollupRules } from "./rollup-rules.ts";
import { jsonSchemaOf } from "./schema.ts";

export interface RollupDefinition {
  readonly name: string;
  readonly version: number;
  readonly document: Schema;
  readonly of: AnyView;
  readonly by: Readonly<Record<string, string | Period>>;
  readonly measures: Readonly<Record<string, Measure>>;
}

const operators = new Set(["in", "not", "gt", "gte", "lt", "lte"]);
const scalars = new Set(["string", "integer", "number", "boolean"]);
const isNumeric = (type: string | undefined): boolean => type === "integer" || type === "number";

/** @throws INVALID_DEFINITION */
export function rollupRules({ name, version, document, of, by, measures }: RollupDefinition): RollupRules {
  const wrong = (problem: string): never => refuse(`Rollup '${name}': ${problem}`);
  checkName("a rollup", name);
  if (!Number.isSafeInteger(version) || version < 1) wrong(`version ${version} is no whole number above 0.`);
  if (of.kind !== "view") wrong(`it measures '${of.name}', which is a rollup itself; measure a view.`);
  const copied = new Map(Object.values(of.references).flatMap(({ view, copies }) => copies.map((field) => [field, view.name] as const)));
  const found = fieldTypesOf(jsonSchemaOf(of.document, "output"));
  const made = fieldTypesOf(jsonSchemaOf(document, "output"));
  const names = [...Object.keys(by), ...Object.keys(measures)];
  if (Object.keys(by).length === 0) wrong("it has no dimension; name a field in 'by'.");
  const twice = Object.keys(by).find((field) => Object.hasOwn(measures, field));
  if (twice !== undefined) wrong(`'${twice}' is a dimension and a measure.`);
  for (const field of made.keys()) if (!names.includes(field)) wrong(`no dimension and no measure gives '${field}' of its document.`);

  const madeField = (field: string): FieldTypes & { readonly only: string | undefined } => {
    const types = made.get(field) ?? wrong(`'${field}' is no field of its document.`);
    return { ...types, only: onlyType(types) };
  };
  const sourceField = (field: string, role: string): FieldTypes & { readonly only: string | undefined } => {
    const view = copied.get(field);
    if (view !== undefined)
      wrong(`${role} '${field}', which view '${of.name}' copies from '${view}'; a rollup measures what a view has from its own logs.`);
    const types = found.get(field) ?? wrong(`${role} '${field}', which is no field of view '${of.name}'.`);
    return { ...types, only: onlyType(types) };
  };

  function dimension(field: string, given: string | Period): DimensionRule {
    const { field: from, unit } = typeof given === "string" ? { field: given, unit: null } : given;
    const source = sourceField(from, `the dimension '${field}' is`).only;
    const { only: type } = madeField(field);
    if (source === undefined || !scalars.has(source)) return wrong(`the dimension '${field}' is '${from}', which has not one plain type.`);
    if (unit !== null && source !== "string") wrong(`the dimension '${field}' is a period of '${from}', which holds no text.`);
    if (type !== source && !(type === "number" && source === "integer"))
      return wrong(`the dimension '${field}' gives ${articled(source)}, which its document does not take there.`);
    return { field: from, unit, type: type as DimensionRule["type"] };
  }

  function measure(field: string, { kind, field: from, where, digits }: Measure): MeasureRule {
    for (const [of, condition] of Object.entries(where)) {
      const asked = sourceField(of, `'where' of '${field}' asks for`).only;
      if (asked === undefined || !scalars.has(asked)) wrong(`'where' of '${field}' asks for '${of}', which has not one plain type.`);
      if (typeof condition === "object" && condition !== null)
        for (const operator of Object.keys(condition))
          if (!operators.has(operator)) wrong(`'where' of '${field}' says '${operator}'; it takes ${[...operators].join(", ")}.`);
    }
    const source = from === null ? undefined : sourceField(from, `'${field}' measures`);
    const { only: type, nullable } = madeField(field);
    const rule = (given: MeasureRule["type"]): MeasureRule => ({ kind, field: from, where, digits, type: given, nullable });
    const unfit = (gives: string): never => wrong(`'${field}' gives ${gives}, which its document does not take there.`);
    switch (kind) {
      case "count":
        return isNumeric(type) ? rule(type as "integer") : unfit("an integer");
      case "countBy":
        if (source!.only !== "string") wrong(`'${field}' counts the values of '${from}', which is no text.`);
        return type === "object" ? rule("object") : unfit("an object of counts");
      case "sum":
      case "avg": {
        if (!isNumeric(source!.only)) wrong(`'${field}' measures '${from}', which is no number.`);
        if (!Number.isSafeInteger(digits) || digits < 0 || digits > 20) wrong(`'${field}' has ${digits} digits; 0 to 20 are possible.`);
        if (type === "string" || type === "number") return rule(type);
        const whole = kind === "avg" ? digits === 0 : source!.only === "integer";
        return type === "integer" && whole ? rule("integer") : unfit(whole ? "a number" : "a number that need not be whole");
      }
      default: {
        if (source!.only !== "string" && !isNumeric(source!.only))
          wrong(`'${field}' measures '${from}', which is neither text nor number.`);
        if (type !== source!.only && !(type === "number" && source!.only === "integer")) return unfit(articled(source!.only!));
        if (!nullable && (source!.nullable || !source!.required || Object.keys(where).length > 0))
          return wrong(`'${field}' may have no value in a group, so its document must take null there.`);
        return rule(type as "string");
      }
    }
  }

  return {
    of,
    by: Object.fromEntries(Object.entries(by).map(([field, given]) => [field, dimension(field, given)])),
    measures: Object.fromEntries(Object.entries(measures).map(([field, given]) => [field, measure(field, given)])),
  };
}

const articled = (type: string): string => (type === "integer" ? "an integer" : `a ${type}`);
