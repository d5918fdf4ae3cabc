/** Emmett's rebuild in a process of its own, as ours. */
import { type EmmettKind, rebuildEmmett } from "../opponents/emmett-rebuild.ts";
import type { Job } from "./job.ts";

export interface EmmettArgs {
  readonly url: string;
  readonly kind: EmmettKind;
  readonly batchSize: number;
}

const job: Job<EmmettArgs, null> = async ({ url, kind, batchSize }) => {
  const rebuild = await rebuildEmmett(url, kind, batchSize);
  return {
    async go() {
      await rebuild();
      return null;
    },
    close: () => Promise.resolve(),
  };
};
export default job;
