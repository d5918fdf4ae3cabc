/** Folds a batch in memory, and checks that the tables can hold what comes out. Failures name the event at fault. */
import type { AnyView } from "../core/definition.ts";
import type { LogEvent } from "../core/message.ts";
import * as batch from "../runtime/fold-batch.ts";
import { type Blamed, blaming, foldEvents, type Touched } from "../runtime/fold-batch.ts";
import { checkKey, checkRow, type Row } from "./view-rows.ts";
import type { ViewShape } from "./view-shape.ts";

export { type Blamed, blaming, handlerFailed, type Touched } from "../runtime/fold-batch.ts";

/** What the batch makes of one key. `last`: the latest event that concerned it. */
export interface Change {
  readonly row: Row;
  readonly last: Blamed;
}

/** `failing`: the view whose partition stands still where this fails. @throws HANDLER_FAILED */
export const touchedBy = (view: AnyView, events: readonly LogEvent[], failing: string): Touched =>
  batch.touchedBy(view, events, failing, checkKey);

export const noRow = (key: string): Row => ({ key, ...batch.nothing });

/** Handlers do not see copied fields. @throws HANDLER_FAILED */
export function foldKey(shape: ViewShape, key: string, events: readonly LogEvent[], current: Row, failing: string): Change {
  const row = { key, ...foldEvents(shape.view, key, events, current, failing) };
  const last = events.at(-1)!;
  const { document } = row;
  if (document !== null) blaming(failing, last, () => checkRow(shape, key, document, "own"));
  return { row, last };
}
