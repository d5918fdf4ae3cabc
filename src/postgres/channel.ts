/** Channels of LISTEN are one name space for a whole database: each schema has its own part of it. */
import { createHash } from "node:crypto";

/** What needs no quotes: PGlite's UNLISTEN gives the name unquoted. At most 63 bytes. */
const plain = /^[a-z_][a-z0-9_]{0,62}$/;

export function channelName(schema: string, channel: string): string {
  const name = `${schema}_${channel}`;
  return plain.test(name) ? name : `tidemark_${createHash("sha256").update(name).digest("hex").slice(0, 40)}`;
}

export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
