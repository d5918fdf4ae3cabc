/** The orders service with the settings given, on a free port, which it tells. `go` resolves when its views have caught up. */
import { ordersService } from "../../examples/orders/main.ts";
import { eventStore, openDatabase } from "../../src/postgres/index.ts";
import { quiet } from "../quiet.ts";
import { openViews } from "../workload/views.ts";
import { writeSchema } from "../workload/write-store.ts";
import type { Job } from "./job.ts";

export interface ServiceArgs {
  readonly environment: Readonly<Record<string, string>>;
}

export interface Listening {
  readonly port: number;
}

const job: Job<ServiceArgs, null> = async ({ environment }, tell) => {
  const app = await ordersService.start({ environment: { ...environment, PORT: "0" }, logger: quiet });
  tell({ port: Number(new URL(app.url!).port) } satisfies Listening);
  return {
    async go() {
      const write = await openDatabase({ url: environment["DATABASE_URL"]! }, { schema: writeSchema });
      const store = eventStore(write);
      const read = await openViews(environment["READ_DATABASE_URL"]!);
      const served = ordersService.options.views;
      for (;;) {
        const ends = (await Promise.all(["orders", "customers"].map((log) => store.heads(log)))).flat().reduce((sum, end) => sum + end, 0);
        const statuses = await read.store.status(served);
        const behind = statuses.some(({ generations }, i) => {
          const own = generations.at(-1)?.checkpoints.reduce((sum, { position }) => sum + position, 0) ?? 0;
          return served[i]!.logs.length === 2 && own < ends;
        });
        if (!behind) break;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      await store.close();
      await write.close();
      await read.close();
      return null;
    },
    close: () => app.close(),
  };
};
export default job;
