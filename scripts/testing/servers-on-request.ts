/** Servers that are started when the first test file asks for one: GET /<name> answers with its URL once it is ready. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface ServersOnRequest {
  /** http://127.0.0.1:port, for TIDEMARK_TEST_SERVERS. */
  readonly url: string;
  /** Waits for what is being started, so that nothing starts after it. */
  close(): Promise<void>;
}

/** One server starts at a time: each start takes the whole machine. A start that fails is told to all who ask. */
export async function serversOnRequest(starts: Readonly<Record<string, () => Promise<string>>>): Promise<ServersOnRequest> {
  const started = new Map<string, Promise<string>>();
  let last: Promise<unknown> = Promise.resolve();
  const urlOf = (name: string): Promise<string> => {
    const start = starts[name];
    if (!start) return Promise.reject(new Error(`There is no server '${name}'.`));
    const known = started.get(name);
    if (known) return known;
    const url = last.then(start);
    last = url.catch(() => {});
    started.set(name, url);
    return url;
  };
  const server = createServer((request, response) => {
    urlOf((request.url ?? "").slice(1)).then(
      (url) => response.end(url),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await last;
    },
  };
}
