/**
 * The headers of a record: CloudEvents 1.0 in binary mode, what Tidemark adds to it, and W3C trace context as plain headers.
 * One place, so that what is written is what is read.
 */
export const header = {
  specVersion: "ce_specversion",
  id: "ce_id",
  source: "ce_source",
  type: "ce_type",
  time: "ce_time",
  subject: "ce_subject",
  correlationId: "ce_correlationid",
  causationId: "ce_causationid",
  contentType: "content-type",
  logId: "tidemark-log-id",
  position: "tidemark-position",
  version: "tidemark-version",
  schemaVersion: "tidemark-schema-version",
  commandId: "tidemark-command-id",
  actor: "tidemark-actor",
  /** JSON of what metadata holds beside the members named here, so that nothing is lost on the way (I8). */
  rest: "tidemark-metadata",
  traceparent: "traceparent",
  tracestate: "tracestate",
} as const;

/** Members of metadata that have a header of their own. */
export const metadataHeaders: ReadonlyMap<string, string> = new Map([
  ["time", header.time],
  ["commandId", header.commandId],
  ["correlationId", header.correlationId],
  ["causationId", header.causationId],
  ["traceparent", header.traceparent],
  ["tracestate", header.tracestate],
  ["actor", header.actor],
]);

export const sourceOf = (log: string): string => `tidemark/${log}`;
