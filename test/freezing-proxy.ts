/** A TCP proxy that can stop passing bytes on while its connections stay open: what a client sees of a server that is paused or cut off. */
import { connect, createServer, type Socket } from "node:net";

export interface FreezingProxy {
  readonly port: number;
  /** No byte goes through any more, either way. */
  freeze(): void;
  /** New connections go through; those that were frozen stay so. */
  thaw(): void;
  close(): Promise<void>;
}

export async function freezingProxy(target: { readonly host: string; readonly port: number }): Promise<FreezingProxy> {
  const sockets = new Set<Socket>();
  let frozen = false;
  const server = createServer((client) => {
    const upstream = connect(target);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      // the other side is told by the end of its own socket
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
    }
    if (frozen) return;
    client.pipe(upstream);
    upstream.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    port: address.port,
    freeze() {
      frozen = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    thaw() {
      frozen = false;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
