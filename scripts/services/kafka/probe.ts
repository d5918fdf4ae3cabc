import { connect } from "node:net";

/** True when the broker answers a Metadata request with at least itself: only then can clients work with it. */
export function kafkaAnswers(port: number, timeoutMs = 2_000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    let received = Buffer.alloc(0);
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => finish(false));
    socket.on("error", () => finish(false));
    socket.on("close", () => finish(false));
    socket.on("connect", () => socket.write(metadataRequest()));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      // Size, correlation id, number of brokers.
      if (received.length >= 12) finish(received.readInt32BE(8) > 0);
    });
  });
}

function metadataRequest(): Buffer {
  const request = Buffer.alloc(18);
  request.writeInt32BE(14, 0); // size of what follows
  request.writeInt16BE(3, 4); // Metadata
  request.writeInt16BE(1, 6); // version
  request.writeInt32BE(1, 8); // correlation id
  request.writeInt16BE(-1, 12); // no client id
  request.writeInt32BE(0, 14); // no topics
  return request;
}
