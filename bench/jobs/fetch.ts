/** The client library's batch fetch with JSON.parse of each value, and nothing else: the most that a consumer built on it could do. */
import { libraryReader } from "../load/library-reader.ts";
import type { Job } from "./job.ts";

export interface FetchArgs {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly events: number;
}

const job: Job<FetchArgs, number> = async ({ brokers, topic, events }) => {
  const reader = await libraryReader(brokers, topic);
  return {
    async go() {
      let count = 0;
      while (count < events) for (const { value } of await reader.next(1_000)) if (JSON.parse(value!.toString()) !== undefined) count += 1;
      if (count !== events) throw new Error(`${count} of ${events} records were fetched`);
      return count;
    },
    close: () => reader.close(),
  };
};
export default job;
