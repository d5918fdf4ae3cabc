/** Names of the view store's tables, columns, indexes and prepared statements: within PostgreSQL's 63 bytes, always quoted. */
import { createHash } from "node:crypto";
import type { AnyView } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import { quoteIdentifier } from "./channel.ts";

const maxBytes = 63;
const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Tables that all views share. View names begin with a letter, so none of them can meet these. */
export const shared = { generations: "_generations", checkpoints: "_checkpoints", ends: "_ends" } as const;

/** How much of the beginning a name keeps that is shortened. Names of views are ASCII. */
const keptBytes = 50;

/** PostgreSQL would cut a longer name in silence, and two could become one. */
export const fitName = (name: string): string =>
  Buffer.byteLength(name) <= maxBytes ? name : `${name.slice(0, keptBytes)}_${hashOf(name).slice(0, 12)}`;

/** The documents of one generation, such as `order_summaries_g3`. */
export const documentTable = (view: string, generation: number): string => fitName(`${view}_g${generation}`);

/** What the names of a generation's other tables begin with, and no others: long names are shortened before the generation's number, or behind all of this. */
export function referencePrefix(view: string, generation: number): string {
  const prefix = `${view}_g${generation}__`;
  return prefix.length <= keptBytes ? prefix : `${view.slice(0, 22)}_${hashOf(view).slice(0, 12)}_g${generation}__`;
}

/** A generation's private copy of a view that it refers to, such as `order_summaries_g3__customer_cards`. */
export const referenceTable = (view: string, generation: number, referenced: string): string =>
  fitName(`${referencePrefix(view, generation)}${referenced}`);

export const quoted = quoteIdentifier;

export { named } from "./named.ts";

/** @throws INVALID_DEFINITION for a name that a generation's table could have */
export function checkViewName(view: AnyView): void {
  if (/_g\d+(__|$)/.test(view.name) || Buffer.byteLength(view.name) > maxBytes || !/^[a-z]/.test(view.name)) {
    throw new TidemarkError("INVALID_DEFINITION", {
      what: `View '${view.name}': PostgreSQL keeps generations in tables such as '${view.name}_g1'; a view's name begins with a small letter, has at most ${maxBytes} bytes and holds no '_g' and a number at its end or before '__'.`,
    });
  }
}
