/** A server that can be stopped, killed and started again on the same port and data. */
export interface Server {
  readonly name: string;
  /** Where it listens once started: host:port. */
  readonly address: string;
  readonly logFile: string;
  /** Undefined while it does not run. */
  readonly process: { readonly pid: number; readonly startedAt: string } | undefined;
  /** Prepares the data folder the first time. Resolves when the server answers as an application does. */
  start(): Promise<void>;
  /** Orderly: what is acknowledged is on disk and the next start needs no recovery. */
  stop(): Promise<void>;
  /** SIGKILL, and waits until the process is gone. */
  kill(): Promise<void>;
}
