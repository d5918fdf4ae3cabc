/** Data goes to standard output, everything else to standard error. `--json` prints one stable JSON document. */
import { isTidemarkError } from "../errors.ts";

export const exitCodes = { ok: 0, failed: 1, usage: 2, unhealthy: 3 } as const;

export const exitCodeHelp = `
Exit codes: 0 done; 1 it failed; 2 the command line or a setting is wrong; 3 status only: a projection stands still.`;

export class UsageError extends Error {}

export function print(json: boolean, data: unknown, text: () => string): void {
  process.stdout.write(json ? `${JSON.stringify(data, null, 2)}\n` : `${text()}\n`);
}

export const note = (text: string): void => void process.stderr.write(`${text}\n`);

/** One sentence, with the code where there is one; in JSON on standard output too, so that a script finds it where it looks. */
export function fail(json: boolean, error: unknown): number {
  const code = isTidemarkError(error) ? error.code : null;
  const message = error instanceof Error ? error.message : String(error);
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message } }, null, 2)}\n`);
  note(code === null ? message : `${code}: ${message}`);
  return error instanceof UsageError || code === "INVALID_SETTING" || code === "INVALID_DEFINITION" ? exitCodes.usage : exitCodes.failed;
}
