/** A contender in a process of its own: so its memory is its own, its code is compiled by its own work alone, and no other contender's garbage is its. */
import { fork } from "node:child_process";
import { once } from "node:events";

/** What a module in this folder gives as its default: everything that is not to be measured, then the work. */
export type Job<Args, Result> = (args: Args, tell: (message: unknown) => void) => Promise<PreparedJob<Result>>;

export interface PreparedJob<Result> {
  go(): Promise<Result>;
  close(): Promise<void>;
}

export interface JobResult<Result> {
  readonly value: Result;
  /** Of `go`, by the clock of its process. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** The highest resident size that the process ever had, before and after `go`. */
  readonly rssBeforeMiB: number;
  readonly peakRssMiB: number;
}

export type FromJob =
  | { readonly ready: true }
  | { readonly told: unknown }
  | { readonly result: JobResult<unknown> }
  | { readonly failed: string };

export interface RunningJob<Result> {
  readonly pid: number;
  /** Call once. @throws where the process ends or fails */
  go(): Promise<JobResult<Result>>;
  /** Rejects where the process fails or ends before it was told to. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

/** Resolves when the job is prepared. `nodeArguments`: such as a heap limit. */
export async function startJob<Result>(
  name: string,
  args: unknown,
  { onTold, nodeArguments = [] }: { readonly onTold?: (message: unknown) => void; readonly nodeArguments?: readonly string[] } = {},
): Promise<RunningJob<Result>> {
  const child = fork(new URL("./child.ts", import.meta.url), [new URL(`./${name}.ts`, import.meta.url).href, JSON.stringify(args)], {
    execArgv: ["--conditions=source", ...nodeArguments],
  });
  const ready = Promise.withResolvers<void>();
  const result = Promise.withResolvers<JobResult<Result>>();
  const failed = Promise.withResolvers<never>();
  // told to whoever waits for one of them
  result.promise.catch(() => {});
  failed.promise.catch(() => {});
  const fail = (error: Error) => {
    ready.reject(error);
    result.reject(error);
    failed.reject(error);
  };
  child.on("message", (message: FromJob) => {
    if ("ready" in message) ready.resolve();
    else if ("told" in message) onTold?.(message.told);
    else if ("result" in message) result.resolve(message.result as JobResult<Result>);
    else fail(new Error(`${name}: ${message.failed}`));
  });
  child.on("error", fail);
  child.on("exit", (code, signal) => fail(new Error(`${name} ended with ${signal ?? code}`)));
  await ready.promise;
  return {
    pid: child.pid!,
    go() {
      child.send("go");
      return result.promise;
    },
    failed: failed.promise,
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      if (child.connected) child.send("close");
      await exited;
    },
  };
}
