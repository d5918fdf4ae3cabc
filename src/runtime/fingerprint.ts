/** What makes two commands the same command (I6): aggregate, type, stream and validated data, whatever the order of its members. */
import { hash } from "node:crypto";

export const fingerprintOf = (command: {
  readonly aggregate: string;
  readonly type: string;
  readonly stream: string;
  readonly data: unknown;
}): string => hash("sha256", canonical([command.aggregate, command.type, command.stream, command.data]), "base64url");

/** A command's data may hold more than JSON (a Date, a Map, a bigint): each kind of value gets a form of its own. */
function canonical(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "bigint":
      return `${value}n`;
    case "object":
      return value === null ? "null" : canonicalObject(value);
    default:
      return String(value);
  }
}

function canonicalObject(value: object): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value instanceof Date) return `date(${value.getTime()})`;
  if (value instanceof Map) return `map${canonical([...value].map((pair) => canonical(pair)).sort())}`;
  if (value instanceof Set) return `set${canonical([...value].map(canonical).sort())}`;
  if (ArrayBuffer.isView(value)) return `bytes(${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")})`;
  const members = value as Record<string, unknown>;
  const names = Object.keys(members).sort();
  let text = "{";
  for (const name of names) {
    const member = members[name];
    if (member !== undefined) text += `${JSON.stringify(name)}:${canonical(member)},`;
  }
  return `${text}}`;
}
