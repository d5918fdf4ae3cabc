/** A TCP proxy between a client and a server somewhere else: requests are late now and then, and connections break, before or after the request came through. */
import { connect, createServer, type Socket } from "node:net";

export interface BreakingProxy {
  readonly port: number;
  /** Probabilities for each chunk that a client sends; 0 at first. Late ones come up to 4 ms later. */
  set(probabilities: { readonly breaking: number; readonly late: number }): void;
  readonly broken: number;
  close(): Promise<void>;
}

export async function breakingProxy(target: { readonly host: string; readonly port: number }, next: () => number): Promise<BreakingProxy> {
  let probabilities = { breaking: 0, late: 0 };
  let broken = 0;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ ...target, noDelay: true });
    const destroy = (): void => {
      for (const socket of [client, upstream]) {
        socket.destroy();
        sockets.delete(socket);
      }
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", destroy); // the other side is told by the end of its own socket
      socket.on("close", destroy);
    }
    client.on("data", (chunk) => {
      if (next() >= probabilities.breaking) {
        if (next() >= probabilities.late) {
          upstream.write(chunk);
          return;
        }
        client.pause();
        setTimeout(() => {
          upstream.write(chunk);
          client.resume();
        }, next() * 4);
        return;
      }
      broken += 1;
      // half of the breaks come before the request, half after it and before the answer
      if (next() < 0.5) destroy();
      else upstream.write(chunk, destroy);
    });
    upstream.on("data", (chunk) => client.write(chunk));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    port: address.port,
    set(given) {
      probabilities = given;
    },
    get broken() {
      return broken;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
