/** Requests that never become one: what Node's parser refuses is answered on the socket, then the connection is closed. */
import type { Socket } from "node:net";
import { problem } from "./problem.ts";
import type { Reply } from "./reply.ts";

const reasons: Readonly<Record<number, string>> = { 400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large" };

/** For Node's `clientError` event. */
export function answerClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(rawAnswer(replyTo(error.code)), () => socket.destroy());
}

function replyTo(code: string | undefined): Reply {
  if (code === "HPE_HEADER_OVERFLOW")
    return problem({ status: 431, code: "INVALID_HEADER", detail: "The request's line and headers are too large." });
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return problem({ status: 408, code: "INVALID_HEADER", detail: "The request did not arrive in time." });
  return problem({ status: 400, code: "INVALID_HEADER", detail: "The request is not valid HTTP." });
}

function rawAnswer({ status, headers, body }: Reply): string {
  const lines = [...Object.entries(headers), ["content-length", String(Buffer.byteLength(body ?? ""))], ["connection", "close"]];
  return `HTTP/1.1 ${status} ${reasons[status] ?? "Error"}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body ?? ""}`;
}
