/** Channels of LISTEN are one name space for a whole database: each schema has its own part of it. */
import { createHash } from "node:crypto";

const maxBytes = 63;

export function channelName(schema: string, channel: string): string {
  const name = `${schema}.${channel}`;
  if (Buffer.byteLength(name) <= maxBytes) return name;
  return `tidemark.${createHash("sha256").update(name).digest("hex").slice(0, 40)}`;
}

export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
