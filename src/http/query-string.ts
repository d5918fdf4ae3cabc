/** The query string, strictly: every parameter once, known, not empty. */
import { type ParameterIssue, TidemarkError } from "../errors.ts";

export type RawParameters = ReadonlyMap<string, string>;

const none: ReadonlySet<string> = new Set();

/** @throws INVALID_PARAMETER with one issue for each unknown, repeated, empty (but for those that may be) or undecodable parameter */
export function parseQueryString(url: string, known: ReadonlySet<string>, mayBeEmpty: ReadonlySet<string> = none): RawParameters {
  const start = url.indexOf("?");
  const values = new Map<string, string>();
  if (start === -1) return values;
  const issues: ParameterIssue[] = [];
  for (const pair of url
    .slice(start + 1)
    .split("#", 1)[0]!
    .split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decode(equals === -1 ? pair : pair.slice(0, equals));
    const value = decode(equals === -1 ? "" : pair.slice(equals + 1));
    const parameter = name ?? (equals === -1 ? pair : pair.slice(0, equals));
    if (name === undefined || value === undefined) issues.push({ parameter, detail: "is not valid percent-encoding" });
    else if (!known.has(name)) issues.push({ parameter, detail: "is not a known parameter" });
    else if (values.has(name)) issues.push({ parameter, detail: "may stand once only" });
    else if (value === "" && !mayBeEmpty.has(name)) issues.push({ parameter, detail: "must not be empty" });
    if (name !== undefined && value !== undefined && !values.has(name)) values.set(name, value);
  }
  refuseIssues(issues);
  return values;
}

/** @throws INVALID_PARAMETER where there is an issue */
export function refuseIssues(issues: readonly ParameterIssue[]): void {
  if (issues.length > 0) throw new TidemarkError("INVALID_PARAMETER", { issues });
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined; // URIError is how the platform says "not percent-encoding"; there is nothing else to know
  }
}
