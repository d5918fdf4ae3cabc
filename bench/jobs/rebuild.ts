/** Our rebuild: a fresh generation beside the live one, filled and switched to. Tells its resident size at 10, 50 and 100 % of the events. */
import { kafkaTransport } from "../../src/kafka/index.ts";
import { eventsTransport } from "../../src/runtime/events-transport.ts";
import { fillAndSwitch } from "../../src/runtime/rebuild.ts";
import { quiet } from "../quiet.ts";
import { openViews, views } from "../workload/views.ts";
import { openWriteStore } from "../workload/write-store.ts";
import type { Job } from "./job.ts";

export interface RebuildArgs {
  readonly view: string;
  /** The read database. */
  readonly url: string;
  readonly source: { readonly brokers: string; readonly prefix: string } | { readonly url: string };
}

export interface RebuildResult {
  readonly rssMiB: { readonly at10: number; readonly at50: number; readonly at100: number };
}

const job: Job<RebuildArgs, RebuildResult> = async ({ view: name, url, source }) => {
  const view = views[name]!;
  const read = await openViews(url);
  await read.store.ensure(view);
  const write = "url" in source ? await openWriteStore(source.url) : undefined;
  const transport = "url" in source ? await eventsTransport(write!.store, write!.identities) : kafkaTransport(source);
  return {
    async go() {
      const { generation } = await read.store.create(view);
      const sizes = new Map<number, number>();
      const onProgress = ({ done, total }: { readonly done: number; readonly total: number }) => {
        for (const share of [0.1, 0.5])
          if (done >= total * share && !sizes.has(share)) sizes.set(share, process.memoryUsage.rss() / 2 ** 20);
      };
      const stop = new AbortController().signal;
      await fillAndSwitch({ view, generation, store: read.store, transport, logger: quiet, stop, onProgress });
      const current = await read.store.current(view);
      if (current?.generation !== generation) throw new Error(`generation ${generation} was filled, ${current?.generation} is live`);
      const at100 = process.memoryUsage.rss() / 2 ** 20;
      return { rssMiB: { at10: sizes.get(0.1) ?? at100, at50: sizes.get(0.5) ?? at100, at100 } };
    },
    async close() {
      await transport.close();
      await write?.close();
      await read.close();
    },
  };
};
export default job;
