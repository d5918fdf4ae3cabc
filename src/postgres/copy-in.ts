/** `copy … from stdin` for the `pg` driver, safe in a pipeline: the data goes right behind the statement, without waiting for the server to ask for it. */
import type { Writable } from "node:stream";
import pg from "pg";

/** What the driver's queries have at run time; its types leave them out. */
interface DriverConnection {
  readonly stream: Writable;
  query(text: string): void;
  endCopyFrom(): void;
}

const copyData = 0x64; // 'd'
const headerBytes = 5;

/**
 * A server that refuses the statement, or cannot start it in a transaction that has failed, drops the data that follows (as the protocol says),
 * so what stands behind it in the pipeline is answered as ever.
 */
class CopyIn extends pg.Query {
  readonly #text: string;
  readonly #chunks: readonly Uint8Array[];

  constructor(text: string, chunks: readonly Uint8Array[], callback: (error: Error | undefined, result: pg.QueryResult) => void) {
    super({ text }, callback);
    this.#text = text;
    this.#chunks = chunks;
    this.submit = (connection) => this.#send(connection as unknown as DriverConnection);
  }

  #send(connection: DriverConnection): void {
    const { stream } = connection;
    stream.cork();
    try {
      connection.query(this.#text);
      for (const chunk of this.#chunks) {
        const header = Buffer.allocUnsafe(headerBytes);
        header.writeUInt8(copyData, 0);
        header.writeInt32BE(chunk.length + 4, 1);
        stream.write(header);
        stream.write(chunk);
      }
      connection.endCopyFrom();
    } finally {
      stream.uncork();
    }
  }

  /** The server asks for the data: it is on its way. */
  handleCopyInResponse(): void {
    return undefined;
  }
}

/** Chunks of at most 1 GB each. */
export const copyIn = (client: pg.ClientBase, text: string, chunks: readonly Uint8Array[]): Promise<pg.QueryResult> =>
  new Promise((resolve, reject) => {
    client.query(new CopyIn(text, chunks, (error, result) => (error ? reject(error) : resolve(result))));
  });
