import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Runs a program to its end. `missing` is the error's text where the program is not on the PATH. */
export async function tool(
  command: string,
  args: readonly string[],
  missing: string,
  cwd?: string,
): Promise<{ stdout: string; stderr: string }> {
  try {
    return await run(command, args, { maxBuffer: 64 * 1024 * 1024, ...(cwd === undefined ? {} : { cwd }) });
  } catch (error) {
    const failure = error as NodeJS.ErrnoException & { stdout?: string; stderr?: string };
    if (failure.code === "ENOENT") throw new Error(missing, { cause: error });
    const output = `${failure.stdout ?? ""}${failure.stderr ?? ""}`.trim();
    throw new Error(`${command} ${args.join(" ")} failed:\n${output || failure.message}`, { cause: error });
  }
}
