import { operator, rebuildSource, type Service } from "../service/index.ts";
import { exitCodes, note, print } from "./output.ts";

/** A new generation, filled beside the live one, then switched to. Ctrl-C leaves it to be gone on with: run it again, or let a projection process finish it. */
export async function rebuildCommand(service: Service, view: string, { json, from }: { json: boolean; from?: string }): Promise<number> {
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  const startedAt = performance.now();
  let saidAt = startedAt;
  const { generation } = await operator(service, process.env).rebuild(view, {
    from: rebuildSource(from),
    signal: stop.signal,
    onProgress({ done, total }) {
      if (performance.now() - saidAt < 1_000) return;
      saidAt = performance.now();
      const seconds = (saidAt - startedAt) / 1_000;
      const rate = done / seconds;
      note(
        `${view}: ${done} of ${total} events (${total === 0 ? 100 : Math.min(100, Math.floor((done / total) * 100))} %), ${Math.round(rate)} events/s, about ${Math.ceil(Math.max(0, total - done) / Math.max(rate, 1))} s left`,
      );
    },
  });
  const seconds = Number(((performance.now() - startedAt) / 1_000).toFixed(3));
  print(json, { view, generation, seconds }, () => `View ${view} is served by generation ${generation} now (${seconds} s).`);
  return exitCodes.ok;
}
