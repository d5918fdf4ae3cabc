/** A TCP proxy that breaks connections: a request is forwarded or not, then both sockets are destroyed. */
import { connect, createServer, type Socket } from "node:net";

export interface BreakingProxy {
  readonly port: number;
  /** Probability for each chunk that a client sends; 0 at first. */
  setBreaking(probability: number): void;
  readonly broken: number;
  close(): Promise<void>;
}

export async function breakingProxy(target: { readonly host: string; readonly port: number }, next: () => number): Promise<BreakingProxy> {
  let breaking = 0;
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
      if (next() >= breaking) {
        upstream.write(chunk);
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
    setBreaking(probability) {
      breaking = probability;
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
