/** What must hold of a view's definition. The types say most of it; these checks say it to those without types, with a way out. */
import type { AnyAggregate, AnyReference, AnyView, Schema } from "./definition.ts";
import { checkName, refuse } from "./names.ts";
import { jsonSchemaOf } from "./schema.ts";
import { checkSearched } from "./search-check.ts";
import { handlerKey, type ErasedBehaviour } from "./view-fold.ts";

interface ViewDefinition {
  readonly name: string;
  readonly version: number;
  readonly document: Schema;
  readonly from: readonly AnyAggregate[];
  readonly indexes: readonly (readonly string[])[];
  readonly references: Readonly<Record<string, AnyReference>>;
  readonly search: AnyView["search"];
  readonly behaviour: ErasedBehaviour;
}

/** @throws INVALID_DEFINITION */
export function checkView(view: ViewDefinition): void {
  checkName("a view", view.name);
  if (!Number.isSafeInteger(view.version) || view.version < 1)
    refuse(`View '${view.name}': version ${view.version} is no whole number above 0.`);
  if (view.from.length === 0) refuse(`View '${view.name}' is folded from no log; name at least one aggregate in 'from'.`);
  const twice = view.from.find((log, at) => view.from.findIndex((other) => other.name === log.name) !== at);
  if (twice !== undefined) refuse(`View '${view.name}' names the log '${twice.name}' twice in 'from'.`);
  checkFields(view);
  checkReferences(view);
  checkSearched(view);
  checkBehaviour(view);
}

/** Names of fields are known where the document's JSON Schema lists its properties. */
function checkFields({ name, document, indexes, references }: ViewDefinition): void {
  const { properties } = jsonSchemaOf(document, "output");
  const isField = (field: string) => typeof properties !== "object" || properties === null || Object.hasOwn(properties, field);
  for (const index of indexes) {
    if (index.length === 0) refuse(`View '${name}' has an index of no field.`);
    for (const field of index)
      if (!isField(field)) refuse(`View '${name}': the index names '${field}', which is no field of its document.`);
  }
  for (const [field, reference] of Object.entries(references)) {
    if (!isField(field)) refuse(`View '${name}' refers by '${field}', which is no field of its document.`);
    for (const copy of reference.copies)
      if (!isField(copy)) refuse(`View '${name}': the reference by '${field}' copies '${copy}', which is no field of its document.`);
  }
}

function checkReferences({ name, from, indexes, references }: ViewDefinition): void {
  const filledBy = new Map<string, string>();
  for (const [field, { view, copies }] of Object.entries(references)) {
    if (!indexes.some((index) => index[0] === field)) {
      refuse(
        `View '${name}' refers to '${view.name}' by '${field}', so '${field}' must be the first field of an index: renames find their documents by it.`,
      );
    }
    if (Object.keys(view.references).length > 0)
      refuse(`View '${name}' refers to '${view.name}', which has references of its own; refer to views without any.`);
    const shared = from.find((log) => view.logs.includes(log.name));
    if (shared !== undefined)
      refuse(
        `View '${name}' and '${view.name}', to which it refers, are both folded from the log '${shared.name}'; refer to views of other logs.`,
      );
    for (const copy of copies) {
      const other = filledBy.get(copy);
      if (other !== undefined) refuse(`View '${name}': the references by '${other}' and by '${field}' both copy '${copy}'.`);
      if (Object.hasOwn(references, copy))
        refuse(`View '${name}': the reference by '${field}' copies '${copy}', which holds the key of a reference itself.`);
      filledBy.set(copy, field);
    }
  }
}

function checkBehaviour({ name, from, behaviour: { on, create, initial, key } }: ViewDefinition): void {
  if ((create === undefined) === (initial === undefined))
    refuse(`View '${name}' needs one of 'create' (documents by stream) and 'initial' (documents by other keys).`);
  if (create !== undefined && key !== undefined)
    refuse(`View '${name}' has 'create', so its documents are keyed by stream; with 'key', use 'initial'.`);
  if (create !== undefined && from.length > 1)
    refuse(`View '${name}' has 'create' and several logs; there is no order between logs, so use 'initial'.`);
  if (create !== undefined && Object.keys(create).length === 0)
    refuse(`View '${name}' names no event in 'create', so it would never hold a document.`);
  if (initial !== undefined && key === undefined && from.length === 1)
    refuse(`View '${name}' has 'initial' and one log; it needs 'key', or 'create' in place of 'initial'.`);

  const known = new Set(from.flatMap((log) => Object.keys(log.eventSchemas).map((type) => handlerKey(from, log.name, type))));
  const keyMap = typeof key === "object" ? key : undefined;
  for (const [map, handlers] of Object.entries({ on, create, key: keyMap })) {
    for (const type of Object.keys(handlers ?? {}))
      if (!known.has(type)) refuse(`View '${name}': '${map}' names ${type}, which is no event of its logs${hint(type, known)}.`);
  }
  if (keyMap !== undefined)
    for (const type of Object.keys(on)) if (!Object.hasOwn(keyMap, type)) refuse(`View '${name}': 'key' does not say whose ${type} is.`);
}

const hint = (type: string, known: ReadonlySet<string>): string => {
  const full = [...known].filter((other) => other.endsWith(`.${type}`));
  return full.length === 0 ? "" : ` (several logs have it: write ${full.map((other) => `'${other}'`).join(" or ")})`;
};
