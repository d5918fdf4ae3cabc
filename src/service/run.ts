/** What a main program does: start, say where, stay until it is told to stop, stop cleanly. */
import { isTidemarkError } from "../errors.ts";
import { banner } from "./banner.ts";
import type { App, Service, StartOptions } from "./service.ts";

/** Signals closer than this are one. */
const oneSignalMs = 1_000;

/**
 * Runs until SIGINT or SIGTERM, then closes; a second signal ends the process at once. Sets the exit code: 0 after a clean stop, 1 where
 * starting or stopping failed (with one plain sentence on standard error, not a stack trace, for what an operator can mend).
 */
export async function run(service: Service, options: StartOptions = {}): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    let askedAt: number | null = null;
    const stop = () => {
      // npm passes on the Ctrl-C that the terminal has already sent to its script: only a later one means "at once"
      if (askedAt !== null && performance.now() - askedAt > oneSignalMs) process.exit(130);
      askedAt ??= performance.now();
      resolve();
    };
    process.on("SIGINT", stop).on("SIGTERM", stop);
  });
  let app: App;
  try {
    app = await service.start(options);
  } catch (error) {
    tell(`${service.options.name} did not start`, error);
    process.exitCode = 1;
    // what may still be open (a connection that is being tried) must not keep a failed process alive
    process.exit();
  }
  const text = banner(service, app);
  if (text !== null) process.stdout.write(text);
  await stopped;
  try {
    await app.close();
    process.exitCode = 0;
  } catch (error) {
    tell(`${service.options.name} did not stop cleanly`, error);
    process.exitCode = 1;
  }
  process.exit();
}

function tell(what: string, error: unknown): void {
  if (isTidemarkError(error)) process.stderr.write(`${what} (${error.code}): ${error.message}\n`);
  else process.stderr.write(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
}
