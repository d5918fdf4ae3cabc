import { get } from "node:http";
import type { ServiceName } from "../../scripts/services/state.ts";

/** Set by the test runner: the address that starts a server on the first request for it. */
export const serversVariable = "TIDEMARK_TEST_SERVERS";

/** The URL of the store's server that this test run shares; undefined where there is none and the file starts its own. */
export async function sharedUrl(name: ServiceName): Promise<string | undefined> {
  const known = process.env[`TIDEMARK_TEST_${name.toUpperCase()}`];
  if (known) return known;
  const runner = process.env[serversVariable];
  return runner ? await ask(`${runner}/${name}`) : undefined;
}

/** Waits as long as the server takes, which the first time is as long as its download. */
function ask(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("error", reject);
      response.on("end", () => (response.statusCode === 200 ? resolve(body) : reject(new Error(body))));
    });
    request.on("error", reject);
  });
}
