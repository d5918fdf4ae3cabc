/** Text that not every store keeps as it is: U+0000 (PostgreSQL) and lone surrogates (UTF-8). Refused at the door, so that nothing after it meets one. */
import type { InputIssue } from "../errors.ts";
import { pointerTo } from "./pointer.ts";

const problemOf = (text: string): string | undefined => {
  if (text.includes("\u0000")) return "holds the character U+0000, which cannot be stored";
  return text.isWellFormed() ? undefined : "holds half of a surrogate pair, which is no text";
};

const isClean = (value: unknown): boolean => {
  if (typeof value === "string") return problemOf(value) === undefined;
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(isClean);
  for (const name of Object.keys(value))
    if (problemOf(name) !== undefined || !isClean((value as Record<string, unknown>)[name])) return false;
  return true;
};

/** One issue for each string or member name, however deep, that cannot be stored. */
export function textIssues(value: unknown): readonly InputIssue[] {
  // pointers cost more than looking, and nearly nobody needs them
  if (isClean(value)) return [];
  const issues: InputIssue[] = [];
  const visit = (current: unknown, pointer: string): void => {
    if (typeof current === "string") {
      const detail = problemOf(current);
      if (detail !== undefined) issues.push({ pointer, detail });
    } else if (Array.isArray(current)) {
      current.forEach((item, index) => visit(item, pointer + pointerTo(index)));
    } else if (typeof current === "object" && current !== null) {
      for (const [name, member] of Object.entries(current)) {
        const problem = problemOf(name);
        if (problem !== undefined) issues.push({ pointer, detail: `has a member whose name ${problem}` });
        else visit(member, pointer + pointerTo(name));
      }
    }
  };
  visit(value, "");
  return issues;
}
