/** Whether a value comes back from JSON as it was. */
import { pointerTo } from "./pointer.ts";

export interface JsonFault {
  /** RFC 6901; "" is the value itself. */
  readonly pointer: string;
  readonly problem: string;
}

/** Levels of nesting; also what ends a value that holds itself. */
const maxDepth = 500;

/** The first part of `value` that JSON loses or changes; null where it comes back deep-equal. */
export function jsonFault(value: unknown): JsonFault | null {
  return faultAt(value, "", 0);
}

function faultAt(value: unknown, pointer: string, depth: number): JsonFault | null {
  if (value === null || typeof value === "string" || typeof value === "boolean") return null;
  if (typeof value === "number")
    return Number.isFinite(value) && !Object.is(value, -0) ? null : { pointer, problem: `is ${Object.is(value, -0) ? "-0" : value}` };
  if (typeof value !== "object") return { pointer, problem: `is ${value === undefined ? "undefined" : `a ${typeof value}`}` };
  if (depth === maxDepth) return { pointer, problem: `is nested over ${maxDepth} levels deep, or holds itself` };
  const list = Array.isArray(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== (list ? Array.prototype : Object.prototype))
    return {
      pointer,
      problem: prototype === null ? "has no prototype" : `is a ${value.constructor?.name ?? "class instance"}`,
    };
  const names = Object.keys(value);
  // an array also has its length
  if (Reflect.ownKeys(value).length !== names.length + (list ? 1 : 0)) return { pointer, problem: "has members that JSON does not see" };
  if (list && !isDense(value, names)) return { pointer, problem: "is a list with holes or with members by name" };
  for (const name of names) {
    const fault = faultAt((value as Readonly<Record<string, unknown>>)[name], pointer + pointerTo(name), depth + 1);
    if (fault !== null) return fault;
  }
  return null;
}

const isDense = (list: readonly unknown[], names: readonly string[]): boolean =>
  names.length === list.length && names.every((name, i) => name === String(i));
