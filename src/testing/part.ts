/** Comparing in part: what a test does not name is not compared. */

/**
 * Of `value`, the members that `like` names, at any depth.
 * @param arrays "whole": arrays are compared as they are; "each": of arrays of the same length, element by element, again in part
 */
export function partLike(value: unknown, like: unknown, arrays: "whole" | "each" = "whole"): unknown {
  if (Array.isArray(value) && Array.isArray(like))
    return arrays === "each" && value.length === like.length ? value.map((each, i) => partLike(each, like[i], arrays)) : value;
  if (!isObject(value) || !isObject(like)) return value;
  return Object.fromEntries(
    Object.entries(like)
      .filter(([name]) => Object.hasOwn(value, name))
      .map(([name, part]) => [name, partLike(value[name], part, arrays)]),
  );
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
