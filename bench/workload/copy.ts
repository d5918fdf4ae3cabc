/** COPY … FROM STDIN on a plain `pg` client, text format: the fastest way into a table that PostgreSQL has. */
import type pg from "pg";

/** The part of `pg`'s protocol connection that a COPY needs. */
interface Wire {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(message: string): void;
  readonly stream: { readonly writableNeedDrain: boolean; once(event: "drain" | "close", listener: () => void): void };
}

/** Bytes that are handed to the socket at a time. */
const chunkBytes = 256 * 1024;

/**
 * Runs `copy` (a COPY FROM STDIN statement) with these lines, which bring their own line ends; back-pressure is the socket's.
 * Answers the number of rows that PostgreSQL counted.
 */
export function copyFrom(client: pg.Client, copy: string, lines: Iterable<string>): Promise<number> {
  return new Promise<number>((resolve, reject) => {
    let rows = 0;
    let wire: Wire;
    const feed = async () => {
      let text = "";
      for (const line of lines) {
        text += line;
        if (text.length < chunkBytes) continue;
        wire.sendCopyFromChunk(Buffer.from(text));
        text = "";
        if (wire.stream.writableNeedDrain) await new Promise<void>((done) => wire.stream.once("drain", done));
      }
      if (text !== "") wire.sendCopyFromChunk(Buffer.from(text));
      wire.endCopyFrom();
    };
    const query = {
      submit(connection: Wire) {
        wire = connection;
        connection.query(copy);
      },
      handleCopyInResponse() {
        feed().catch((error: unknown) => wire.sendCopyFail(String(error)));
      },
      handleCommandComplete(message: { readonly text: string }) {
        rows = Number(message.text.split(" ")[1]);
      },
      handleError: (error: Error) => reject(error),
      handleReadyForQuery: () => resolve(rows),
    };
    client.query(query as unknown as pg.Submittable);
  });
}

/** A value in COPY's text format. */
export const copyText = (value: string): string =>
  value.replace(/[\\\n\r\t]/g, (c) => (c === "\\" ? "\\\\" : c === "\n" ? "\\n" : c === "\r" ? "\\r" : "\\t"));
