import { createHash } from "node:crypto";

/** A prepared statement. Equal text, equal name: a name never stands for two texts on one connection. */
export function named(text: string): { readonly text: string; readonly name: string } {
  return { text, name: `t_${createHash("sha256").update(text).digest("hex").slice(0, 24)}` };
}
