import { isDeepStrictEqual } from "node:util";
import type { Stores, ViewDocument, Violation } from "./history.ts";
import type { Folded } from "./oracle.ts";
import { detailOf, summaryOf } from "./oracle.ts";

/** Which logs each view of the example consumes. */
export const viewLogs = {
  order_summaries: ["orders", "customers"],
  order_details: ["orders", "customers"],
  customer_profiles: ["customers"],
} as const;

/** After everything caught up every view is a fresh fold of the log, and its checkpoints stand at the heads (I4, I9). */
export function checkViews(stores: Stores, folded: Folded): Violation[] {
  return [...checkDocuments(stores.documents, folded), ...checkCheckpoints(stores)];
}

function expectedDocuments(view: ViewDocument["view"], folded: Folded): Map<string, ViewDocument> {
  const documents = new Map<string, ViewDocument>();
  if (view === "customer_profiles") {
    for (const [key, states] of folded.customers) {
      const state = states.at(-1)!;
      documents.set(key, { view, key, document: state.customer, version: state.version, lastUpdated: state.lastUpdated });
    }
    return documents;
  }
  for (const [key, states] of folded.orders) {
    const state = states.at(-1)!;
    const customer = folded.customers.get(state.customerId)?.at(-1);
    const document = view === "order_summaries" ? summaryOf(state, customer) : detailOf(state, customer);
    documents.set(key, { view, key, document, version: state.version, lastUpdated: state.lastUpdated });
  }
  return documents;
}

function checkDocuments(documents: readonly ViewDocument[], folded: Folded): Violation[] {
  const found: Violation[] = [];
  for (const view of Object.keys(viewLogs) as ViewDocument["view"][]) {
    const missing = expectedDocuments(view, folded);
    const seen = new Set<string>();
    for (const actual of documents.filter((d) => d.view === view)) {
      const name = `${view} ${actual.key}`;
      const expected = missing.get(actual.key);
      missing.delete(actual.key);
      if (seen.has(actual.key)) found.push({ kind: "view", text: `${name} is there twice` });
      else if (expected === undefined) found.push({ kind: "view", text: `${name} has no event in the log` });
      else if (!isDeepStrictEqual(actual.document, expected.document)) {
        found.push({
          kind: "view",
          text: `${name}: expected ${JSON.stringify(expected.document)}, found ${JSON.stringify(actual.document)}`,
        });
      } else if (actual.version !== expected.version) {
        found.push({ kind: "view", text: `${name}: version ${expected.version} expected, ${actual.version} found` });
      } else if (actual.lastUpdated !== expected.lastUpdated) {
        found.push({ kind: "view", text: `${name}: lastUpdated ${expected.lastUpdated} expected, ${actual.lastUpdated} found` });
      }
      seen.add(actual.key);
    }
    for (const key of missing.keys()) if (!seen.has(key)) found.push({ kind: "view", text: `${view} ${key} is missing` });
  }
  return found;
}

function checkCheckpoints({ checkpoints, heads, events }: Stores): Violation[] {
  const found: Violation[] = [];
  const ids = new Map(events.map((e) => [`${e.log}/${e.partition}@${e.position}`, e.id]));
  const rows = new Map(checkpoints.map((c) => [`${c.view} ${c.log}/${c.partition}`, c]));
  for (const [view, logs] of Object.entries(viewLogs)) {
    for (const head of heads.filter((h) => (logs as readonly string[]).includes(h.log))) {
      const name = `${view} ${head.log}/${head.partition}`;
      const row = rows.get(name);
      if ((row?.position ?? 0) !== head.position)
        found.push({ kind: "checkpoint", text: `${name}: at ${row?.position ?? "none"}, the log ends at ${head.position}` });
      else if (row !== undefined && row.position > 0 && row.eventId !== ids.get(`${head.log}/${head.partition}@${row.position}`)) {
        found.push({
          kind: "checkpoint",
          text: `${name}: names event ${row.eventId} at ${row.position}, the log holds ${ids.get(`${head.log}/${head.partition}@${row.position}`)}`,
        });
      }
    }
  }
  return found;
}
