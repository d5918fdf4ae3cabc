/** The roles that lie between a commit and its visibility, each by the library's defaults. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { orders } from "../../examples/orders/domain.ts";
import type { Token } from "../../src/core/token.ts";
import { kafkaTransport, openCluster, openLogWriter, topicOf } from "../../src/kafka/index.ts";
import { commandHandler } from "../../src/runtime/command-handler.ts";
import { querySide } from "../../src/runtime/queries.ts";
import { relay } from "../../src/runtime/relay.ts";
import { viewWorker } from "../../src/runtime/view-worker.ts";
import { quiet } from "../quiet.ts";
import { openViews, plainOrders } from "../workload/views.ts";
import { openWriteStore } from "../workload/write-store.ts";

interface Places {
  readonly url: string;
  readonly readUrl: string;
  readonly brokers: string;
  readonly prefix: string;
}

/** Waits until the order is there and right; answers the moment of the machine's monotonic clock at which it was. */
export type AskForOrder = (order: string, token: string) => Promise<bigint>;

export async function commandSide({ url, brokers, prefix }: Places) {
  const write = await openWriteStore(url);
  const cluster = openCluster({ brokers, prefix });
  const relaying = relay({
    store: write.store,
    identity: write.identity("orders"),
    openWriter: (identity, options) => openLogWriter(cluster, { topic: topicOf(prefix, identity.log), identity, ...options }),
    logger: quiet,
    maxEventBytes: 1_000_000,
  });
  const commands = commandHandler({ store: write.store, aggregates: [orders], identities: write.identities, logger: quiet });
  return {
    execute: commands.execute,
    async close() {
      await commands.close();
      await relaying.stop();
      await cluster.close();
      await write.close();
    },
  };
}

export async function projectionSide({ readUrl, brokers, prefix }: Places): Promise<() => Promise<void>> {
  const read = await openViews(readUrl);
  const transport = kafkaTransport({ brokers, prefix });
  const worker = viewWorker({ view: plainOrders, store: read.store, transport, group: "bench", logger: quiet });
  await worker.started;
  return async () => {
    await worker.stop();
    await transport.close();
    await read.close();
  };
}

export async function queryHere(readUrl: string): Promise<{ readonly ask: AskForOrder; close(): Promise<void> }> {
  const read = await openViews(readUrl);
  const queries = await querySide({ stores: new Map([[plainOrders, read.store]]) });
  return {
    async ask(order, token) {
      const { value } = await queries.get(plainOrders, order, { token: token as Token, waitMs: 20_000 });
      const at = process.hrtime.bigint();
      if (value?.version !== 1 || value.document.orderId !== order)
        throw new Error(`order ${order} was not there, though its token was covered`);
      return at;
    },
    async close() {
      await queries.close();
      await read.close();
    },
  };
}

/** A request is a line "number order token", an answer a line "number time". */
export async function serveQueries(ask: AskForOrder): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    createInterface({ input: socket }).on("line", (line) => {
      const [id, order, token] = line.split(" ");
      ask(order!, token!).then(
        (at) => socket.write(`${id} ${at}\n`),
        (error: unknown) => socket.destroy(error instanceof Error ? error : new Error(String(error))),
      );
    });
    socket.on("error", (error) => console.error(error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      await once(server, "close");
    },
  };
}

export async function askBySocket(port: number): Promise<{ readonly ask: AskForOrder; close(): Promise<void> }> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const waiting = new Map<string, PromiseWithResolvers<bigint>>();
  let next = 0;
  createInterface({ input: socket }).on("line", (line) => {
    const [id, at] = line.split(" ");
    waiting.get(id!)?.resolve(BigInt(at!));
    waiting.delete(id!);
  });
  socket.on("close", () => {
    for (const each of waiting.values()) each.reject(new Error("the query process ended the connection"));
  });
  return {
    ask(order, token) {
      const id = String(next++);
      const answer = Promise.withResolvers<bigint>();
      waiting.set(id, answer);
      socket.write(`${id} ${order} ${token}\n`);
      return answer.promise;
    },
    async close() {
      socket.end();
      await once(socket, "close");
    },
  };
}
