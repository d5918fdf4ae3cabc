/** A small stable hash: it tells definitions apart, it protects nothing. */

/** JSON with members in the order of their names, so equal values give equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(",")}}`;
}

const fnv1a = (text: string, seed: number): string => {
  let hash = seed;
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
};

/** 16 hexadecimal digits. */
export function hashOf(value: unknown): string {
  const text = canonicalJson(value);
  return fnv1a(text, 0x811c9dc5) + fnv1a(`${text.length}:${text}`, 0x9747b28c);
}

/** The text of a function without its layout: removed types leave only space behind, so source and build hash alike where nothing else differs. */
export const sourceOf = (fn: unknown): string => String(fn).replace(/\s+/g, "");
