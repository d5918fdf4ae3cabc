/**
 * How the command line reaches a running embedded service, whose data folder nobody else may open: a local socket in that folder,
 * open to whoever may write there. One request a connection, JSON lines: any number of `progress`, then `result` or `problem`.
 */
import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

export interface ControlRequest {
  readonly do: "status" | "rebuild";
  readonly view?: string;
  /** What a rebuild reads. */
  readonly from?: string;
}

export type ControlHandler = (request: ControlRequest, progress: (value: unknown) => void) => Promise<unknown>;

/** Socket paths are short (104 bytes on some systems), so a deep folder's socket lies in the temporary folder under the folder's hash. */
export function controlPath(folder: string): string {
  const path = join(resolve(folder), "control.sock");
  return Buffer.byteLength(path) < 100
    ? path
    : join(tmpdir(), `tidemark-${createHash("sha256").update(path).digest("hex").slice(0, 24)}.sock`);
}

/** Call while the folder's lock is held: what is left of an earlier process is removed. */
export async function serveControl(folder: string, handle: ControlHandler): Promise<{ close(): Promise<void> }> {
  const path = controlPath(folder);
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
    const say = (line: unknown) => socket.writable && socket.write(`${JSON.stringify(line)}\n`);
    const lines = createInterface({ input: socket }).on("error", () => socket.destroy());
    lines.once("line", (line) => {
      const answer = async () => handle(JSON.parse(line) as ControlRequest, (value) => say({ progress: value }));
      answer().then(
        (result) => socket.end(`${JSON.stringify({ result })}\n`),
        (error: unknown) => socket.end(`${JSON.stringify({ problem: error instanceof Error ? error.message : String(error) })}\n`),
      );
    });
  });
  await new Promise<void>((done, failed) => server.once("error", failed).listen(path, done));
  return {
    close: () =>
      new Promise((done) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => {
          rmSync(path, { force: true });
          done();
        });
      }),
  };
}

/** undefined: nobody listens there. */
export function askControl(
  folder: string,
  request: ControlRequest,
  onProgress: (value: unknown) => void = () => {},
): Promise<{ readonly result: unknown } | undefined> {
  return new Promise((done, failed) => {
    const socket = connect(controlPath(folder));
    let answered = false;
    socket.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "ENOENT" || error.code === "ECONNREFUSED" ? done(undefined) : failed(error),
    );
    socket.once("connect", () => {
      socket.write(`${JSON.stringify(request)}\n`);
      // readline hands the socket's errors on
      const lines = createInterface({ input: socket }).on("error", failed);
      lines.on("line", (line) => {
        const message = JSON.parse(line) as { progress?: unknown; result?: unknown; problem?: string };
        if ("progress" in message) return onProgress(message.progress);
        answered = true;
        if (message.problem !== undefined) failed(new Error(message.problem));
        else done({ result: message.result });
      });
    });
    socket.once("close", () => answered || failed(new Error("the service closed the connection before it answered")));
  });
}
