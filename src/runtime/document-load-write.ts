/** What a bulk load holds, and how it is written: each row by itself, over the edition that is known. */
import type { LogEvent } from "../core/message.ts";
import { TidemarkError } from "../errors.ts";
import { copyInto, type DocumentTarget, isReferring, refresh } from "./document-apply.ts";
import type { DocumentRow } from "./document-store.ts";
import { asJson, blaming, type Folded, handlerFailed } from "./fold-batch.ts";

/** A document as a load holds it. Once its flush has begun it changes to what is stored alone. */
export interface Held {
  readonly key: string;
  /** With the copied fields that were read, which no handler sees. */
  folded: Folded;
  /** The position of the last event that is folded into it. */
  seen: number;
  /** As it is stored; 0: there is none. */
  edition: number;
  /** There was a document at some time. */
  readonly born: boolean;
  /** Of what was folded here: what a failure is told of. */
  readonly last?: LogEvent;
}

/** Rows of one request, made in one go. */
const rowsPerWrite = 10_000;
/** Rivals move on between two attempts. */
const maxAttempts = 50;

/** All of it is acknowledged and visible when it resolves. @throws HANDLER_FAILED; UNAVAILABLE where the outcome is unknown: what is stored says it */
export async function writeHeld(target: DocumentTarget, source: string, held: readonly Held[]): Promise<void> {
  // what is known was not read for this flush: the storage is looked at instead
  if (held.some(({ edition }) => edition > 0)) await target.check();
  for (let first = 0; first < held.length; first += rowsPerWrite) await writePart(target, source, held.slice(first, first + rowsPerWrite));
  await target.generation.visible();
}

async function writePart(target: DocumentTarget, source: string, part: readonly Held[]): Promise<void> {
  const { view } = target;
  const { own } = target.generation;
  const byKey = new Map(part.map((each) => [each.key, each]));
  const last = (key: string): LogEvent => byKey.get(key)!.last!;
  const refers = isReferring(view);
  const stored: DocumentRow[] = [];
  // a document that never was needs no tombstone
  let open = part.filter(({ folded, edition, born }) => folded.document !== null || edition > 0 || born);
  for (let attempt = 1; open.length > 0; attempt++) {
    if (attempt > maxAttempts) throw contention(target);
    const rows = open.map((each) => rowOf(view.name, source, each));
    const finished = refers ? await copyInto(target, rows, last) : rows;
    const outcomes = await own.write(finished);
    const lost: string[] = [];
    for (const [i, row] of finished.entries()) {
      const outcome = outcomes[i]!;
      if (outcome === "lost") lost.push(row.key);
      else if (outcome !== "written") throw handlerFailed(view.name, last(row.key), new Error(outcome.refused));
      else {
        byKey.get(row.key)!.edition = row.edition;
        if (refers) stored.push(row);
      }
    }
    open = lost.length === 0 ? [] : await behind(target, source, byKey, lost, stored);
  }
  if (refers) await refresh(target, stored, last);
}

/** Those of the lost ones that are stored with less than is held here. What has seen as much, or more, is the same fold and stays. */
async function behind(
  target: DocumentTarget,
  source: string,
  held: ReadonlyMap<string, Held>,
  lost: readonly string[],
  stored: DocumentRow[],
): Promise<Held[]> {
  const rows = await target.generation.own.read(lost);
  if (lost.some((key) => !rows.has(key))) await target.check();
  return lost.flatMap((key): Held[] => {
    const row = rows.get(key);
    const each = held.get(key)!;
    each.edition = row?.edition ?? 0;
    const seen = row?.seen[source] ?? 0;
    if (row === undefined || seen < each.seen) return [each];
    // what is folded on top of it, later on, begins with what it has seen: with its edition alone, a newer row could be written over by an older one
    each.seen = seen;
    each.folded = foldedOf(row);
    stored.push(row);
    return [];
  });
}

export const foldedOf = ({ document, version, lastUpdated: updated }: DocumentRow): Folded => ({ document, version, updated });

function rowOf(view: string, source: string, { key, folded, seen, edition, last }: Held): DocumentRow {
  const { document, version, updated } = folded;
  return {
    key,
    document: document === null ? null : blaming(view, last!, () => asJson(document)),
    version,
    lastUpdated: updated,
    seen: { [source]: seen },
    copied: {},
    edition: edition + 1,
  };
}

const contention = ({ view, label }: DocumentTarget) =>
  new TidemarkError("UNAVAILABLE", {
    what: `View '${view.name}' on ${label}: its documents changed ${maxAttempts} times while a batch was loaded`,
  });
