import { once } from "node:events";
/** One keep-alive connection that speaks just enough HTTP/1.1 to load a server: cheap, so that the generator is not what is measured. */
import { connect, type Socket } from "node:net";

export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
}

export interface HttpSocket {
  /** One request at a time. `request`: the whole message. */
  ask(request: Buffer): Promise<HttpAnswer>;
  close(): void;
}

const endOfHeaders = Buffer.from("\r\n\r\n");

export async function httpSocket(port: number): Promise<HttpSocket> {
  const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  let waiting: PromiseWithResolvers<HttpAnswer> | undefined;
  let received: Buffer = Buffer.alloc(0);
  const fail = (error: Error) => waiting?.reject(error);
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("the server closed the connection")));
  socket.on("data", (bytes: Buffer) => {
    received = received.length === 0 ? bytes : Buffer.concat([received, bytes]);
    const head = received.indexOf(endOfHeaders);
    if (head < 0) return;
    const headers = received.toString("latin1", 0, head);
    const length = /\r\ncontent-length: (\d+)/i.exec(headers)?.[1];
    if (length === undefined) return fail(new Error(`an answer without a length: ${headers}`));
    const end = head + endOfHeaders.length + Number(length);
    if (received.length < end) return;
    const body = received.subarray(head + endOfHeaders.length, end);
    received = received.subarray(end);
    const done = waiting;
    waiting = undefined;
    done?.resolve({ status: Number(headers.slice(9, 12)), body });
  });
  return {
    ask(request) {
      waiting = Promise.withResolvers<HttpAnswer>();
      socket.write(request);
      return waiting.promise;
    },
    close: () => void socket.destroy(),
  };
}

export const postRequest = (path: string, body: string): Buffer =>
  Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
export const getRequest = (path: string): Buffer => Buffer.from(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
