/** One id is handled once at a time in a process; whoever comes meanwhile gets the same answer (I6). */
import { TidemarkError } from "../errors.ts";
import type { Outcome } from "./app.ts";
import type { CheckedCommand } from "./command-job.ts";

/** `run` is called for the first of an id, and again for a waiting one where the first ended without a stored answer. */
export type Coalesce = (command: CheckedCommand, run: () => Promise<Outcome>) => Promise<Outcome>;

/** @throws COMMAND_IN_PROGRESS after `waitMs`, IDEMPOTENCY_KEY_REUSED */
export function inProgress(waitMs: number): Coalesce {
  const running = new Map<string, { readonly fingerprint: string; readonly outcome: Promise<Outcome> }>();

  function first(command: CheckedCommand, run: () => Promise<Outcome>): Promise<Outcome> {
    const outcome = run();
    const ended = (): void => void running.delete(command.id);
    // the first to hear of the end: whoever asks after it finds nothing under way
    void outcome.then(ended, ended);
    running.set(command.id, { fingerprint: command.fingerprint, outcome });
    return outcome;
  }

  async function later(command: CheckedCommand, run: () => Promise<Outcome>): Promise<Outcome> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new TidemarkError("COMMAND_IN_PROGRESS", { commandId: command.id })), waitMs);
    });
    // its rejection is nobody's where the race was decided before
    late.catch(() => undefined);
    try {
      for (let one = running.get(command.id); one !== undefined; one = running.get(command.id)) {
        // the first caller gets its own error; nothing was stored, so the next in line tries
        const stored = await Promise.race([one.outcome.catch(() => undefined), late]);
        if (stored === undefined) continue;
        if (one.fingerprint !== command.fingerprint) throw new TidemarkError("IDEMPOTENCY_KEY_REUSED", { commandId: command.id });
        return { ...stored, replayed: true };
      }
    } finally {
      clearTimeout(timer);
    }
    return first(command, run);
  }

  return (command, run) => (running.has(command.id) ? later(command, run) : first(command, run));
}
