/**
 * One batch applied to a store without transactions (I4). Each row says what it has seen, and is written only over the edition that was read: a repeat, a crash
 * between two rows or an old worker folds nothing twice. All of it is acknowledged and visible before the caller moves the checkpoint.
 */
import type { AnyView, Document } from "../core/definition.ts";
import type { LogEvent } from "../core/message.ts";
import { TidemarkError } from "../errors.ts";
import { isOutdated, readReferenced, type ReferencedRows, withCopies } from "./document-copies.ts";
import type { DocumentGeneration, DocumentRow, DocumentRows } from "./document-store.ts";
import { asJson, type Blamed, blaming, foldEvents, type Folded, handlerFailed, nothing, type Touched, touchedBy } from "./fold-batch.ts";

export interface DocumentTarget {
  readonly view: AnyView;
  readonly generation: DocumentGeneration;
  readonly label: string;
  /** Asked before anything is written where rows that were expected are not there: they may be gone with all the others. Throws where the storage is another one. */
  check(): Promise<void>;
}

/** Rivals move on between two attempts: each of them has had its turn by then. */
const maxAttempts = 50;
/** Documents of one reading of a fan-out. */
const fanOutPage = 1_000;

/** Texts that some store cannot keep: the same rule for all, so that a view can move between them. */
export function checkKey(key: string): void {
  if (typeof key !== "string") throw new Error(`a key is a string, found ${typeof key}`);
  if (key.includes("\0") || !key.isWellFormed()) throw new Error("the key holds U+0000 or half of a surrogate pair");
  if (key === "" || Buffer.byteLength(key) > 512) throw new Error("the key is empty or takes more than 512 bytes");
}

type KnownRows = ReadonlyMap<string, DocumentRow>;
const none: KnownRows = new Map();

/**
 * `known`: the view's own rows that need not be read, as this worker has stored them. Where somebody else has written one meanwhile, it is read all the same.
 * Answers its own rows that the batch concerned, as they are stored now.
 * @throws HANDLER_FAILED; UNAVAILABLE where the outcome is unknown: apply again from the checkpoint
 */
export async function applyDocuments(
  target: DocumentTarget,
  events: readonly LogEvent[],
  known: KnownRows = none,
): Promise<readonly DocumentRow[]> {
  const { view, generation } = target;
  const log = events[0]!.log;
  const isOwn = view.from.some(({ name }) => name === log);
  const stored = isOwn ? await applyOwn(target, touchedBy(view, events, view.name, checkKey), known) : [];
  for (const of of new Set(Object.values(view.references).map((reference) => reference.view))) {
    if (of.logs.includes(log)) await applyReferenced(target, of, touchedBy(of, events, view.name, checkKey));
  }
  await generation.visible();
  return stored;
}

export const isReferring = (view: AnyView): boolean => Object.keys(view.references).length > 0;

async function applyOwn(target: DocumentTarget, touched: Touched, known: KnownRows): Promise<readonly DocumentRow[]> {
  if (touched.size === 0) return [];
  const { view, generation } = target;
  const refers = isReferring(view);
  const last = (key: string): Blamed => touched.get(key)!.at(-1)!;
  const finish = (rows: readonly DocumentRow[]) => (refers ? copyInto(target, rows, last) : Promise.resolve(rows));
  const written = await foldAndWrite(target, view, generation.own, touched, finish, known);
  // also the rows of a batch that is applied again: its first attempt may have ended before this
  if (refers) await refresh(target, written, last);
  return written;
}

/** Rows with the copied fields that they have now. `last`: the event that a failure is told of. */
export async function copyInto(
  { view, generation }: DocumentTarget,
  rows: readonly DocumentRow[],
  last: (key: string) => Blamed,
): Promise<readonly DocumentRow[]> {
  const referenced = await readReferenced(view, documentsOf(rows), generation.referenced);
  return rows.map((row) => blaming(view.name, last(row.key), () => withCopies(view, row, referenced)));
}

async function applyReferenced(target: DocumentTarget, of: AnyView, touched: Touched): Promise<void> {
  if (touched.size === 0) return;
  const { view, generation } = target;
  const rows = await foldAndWrite(target, of, generation.referenced.get(of.name)!, touched, (folded) => Promise.resolve(folded));
  const fields = Object.entries(view.references).flatMap(([field, reference]) => (reference.view === of ? [field] : []));
  for (const field of fields) for (const row of rows) await fanOut(target, field, row, touched.get(row.key)!.at(-1)!);
}

const documentsOf = (rows: readonly DocumentRow[]): Document[] =>
  rows.flatMap(({ document }): Document[] => (document === null ? [] : [document]));

/** Each key is folded and written until its row holds all of the batch. Answers the rows as they are stored then. */
async function foldAndWrite(
  target: DocumentTarget,
  of: AnyView,
  rows: DocumentRows,
  touched: Touched,
  finish: (folded: readonly DocumentRow[]) => Promise<readonly DocumentRow[]>,
  known = none,
): Promise<readonly DocumentRow[]> {
  const stored = new Map<string, DocumentRow>();
  let open = [...touched.keys()];
  for (let attempt = 1; open.length > 0; attempt++) {
    if (attempt > maxAttempts) throw contention(target);
    // a stream's first event finds nothing: if it does, the write is lost and the row is read
    const wanted = attempt === 1 ? open.filter((key) => !known.has(key) && isOld(of, touched.get(key)!)) : open;
    const current = wanted.length === 0 ? none : await rows.read(wanted);
    if (isMissing(of, touched, wanted, current)) await target.check();
    const folded: DocumentRow[] = [];
    for (const key of open) {
      const row = current.get(key) ?? (attempt === 1 ? known.get(key) : undefined);
      const next = foldRow(of, key, row, touched.get(key)!, target.view.name);
      if (next !== undefined) folded.push(next);
      else if (row !== undefined) stored.set(key, row);
    }
    open = [];
    if (folded.length === 0) break;
    const finished = await finish(folded);
    const outcomes = await rows.write(finished);
    for (const [i, row] of finished.entries()) {
      const outcome = outcomes[i]!;
      if (outcome === "written") stored.set(row.key, row);
      else if (outcome === "lost") open.push(row.key);
      else throw handlerFailed(target.view.name, touched.get(row.key)!.at(-1)!, new Error(outcome.refused));
    }
  }
  return [...stored.values()];
}

const isOld = (of: AnyView, events: readonly LogEvent[]): boolean => of.keyed !== "stream" || events[0]!.version !== 1;

/** A later event of a stream has a row to find; of other keys any may be new, but seldom all of a batch. */
function isMissing(of: AnyView, touched: Touched, wanted: readonly string[], current: ReadonlyMap<string, DocumentRow>): boolean {
  if (of.keyed === "stream") return wanted.some((key) => !current.has(key) && touched.get(key)![0]!.version !== 1);
  return wanted.length > 0 && current.size === 0;
}

/** undefined: there is nothing new for this key. */
function foldRow(
  of: AnyView,
  key: string,
  row: DocumentRow | undefined,
  events: readonly LogEvent[],
  failing: string,
): DocumentRow | undefined {
  const { log, partition, position } = events.at(-1)!;
  const source = `${log}/${partition}`;
  const seen = row?.seen[source] ?? 0;
  const fresh = seen === 0 ? events : events.filter((event) => event.position > seen);
  if (fresh.length === 0) return undefined;
  const before = row === undefined ? nothing : { document: row.document, version: row.version, updated: row.lastUpdated };
  const folded = foldEvents(of, key, fresh, before, failing);
  const { version, updated } = folded;
  // what is no JSON shows here, with the event that made it
  const document = folded.document === null ? null : blaming(failing, events.at(-1)!, () => asJson(folded.document!));
  // A document that never was needs no tombstone. One that was born and deleted in this batch does: an old worker may still write a part of it.
  if (row === undefined && document === null && version === 0 && !isBorn(of, key, fresh, failing)) return undefined;
  return {
    key,
    document,
    version,
    lastUpdated: updated,
    seen: { ...row?.seen, [source]: position },
    copied: row?.copied ?? {},
    edition: (row?.edition ?? 0) + 1,
  };
}

/** Whether there was a document at any time, beginning with none. */
export function isBorn(of: AnyView, key: string, events: readonly LogEvent[], failing: string): boolean {
  let current: Folded = nothing;
  return events.some((event) => {
    current = foldEvents(of, key, [event], current, failing);
    return current.document !== null;
  });
}

/** Until no row is made from an older edition than the one that is stored now. */
export async function refresh(target: DocumentTarget, written: readonly DocumentRow[], last: (key: string) => Blamed): Promise<void> {
  const { view, generation } = target;
  let rows: readonly DocumentRow[] = written.filter(({ document }) => document !== null);
  for (let attempt = 1; rows.length > 0; attempt++) {
    if (attempt > maxAttempts) throw contention(target);
    const referenced = await readReferenced(view, documentsOf(rows), generation.referenced);
    const outdated = rows.filter((row) => isOutdated(view, row, referenced));
    rows = await rewrite(target, outdated, referenced, last);
  }
}

/** Until no document is made from an older edition of `row` than this one. Those that rivals are writing are found again. */
async function fanOut(target: DocumentTarget, field: string, row: DocumentRow, last: Blamed): Promise<void> {
  const { view, generation } = target;
  const { own, referenced } = generation;
  for (let attempt = 1; ;) {
    const found = await own.referring!(field, row.key, row.edition, fanOutPage);
    if (found.length === 0) return;
    const lost = await rewrite(target, found, await readReferenced(view, documentsOf(found), referenced), () => last);
    if (lost.length > 0 && ++attempt > maxAttempts) throw contention(target);
  }
}

/** Gives the rows the copies of `referenced`. Answers those that somebody else has written meanwhile, as they are now. */
async function rewrite(
  target: DocumentTarget,
  rows: readonly DocumentRow[],
  referenced: ReferencedRows,
  culprit: (key: string) => Blamed,
): Promise<readonly DocumentRow[]> {
  if (rows.length === 0) return [];
  const { view, generation } = target;
  const copied = rows.map((row) => {
    const made = blaming(view.name, culprit(row.key), () => withCopies(view, row, referenced));
    return { ...made, edition: row.edition + 1 };
  });
  const outcomes = await generation.own.write(copied);
  const lost: string[] = [];
  for (const [i, row] of copied.entries()) {
    const outcome = outcomes[i]!;
    if (outcome === "lost") lost.push(row.key);
    else if (outcome !== "written") throw handlerFailed(view.name, culprit(row.key), new Error(outcome.refused));
  }
  if (lost.length === 0) return [];
  return [...(await generation.own.read(lost)).values()].filter(({ document }) => document !== null);
}

const contention = ({ view, label }: DocumentTarget) =>
  new TidemarkError("UNAVAILABLE", {
    what: `View '${view.name}' on ${label}: its documents changed ${maxAttempts} times while a batch was applied`,
  });
