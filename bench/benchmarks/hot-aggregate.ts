/** Every caller writes to one and the same stream, and no command is refused: what one aggregate takes. */
import { randomUUID } from "node:crypto";
import type { Benchmark, Contender, RunContext } from "../benchmark.ts";
import { percentile } from "../harness/statistics.ts";
import { closedLoop } from "../load/closed-loop.ts";
import { checkEmmett, emmettPoolSize, openEmmett } from "../opponents/emmett.ts";
import { checkWriteStore } from "../setup/check-write-store.ts";
import { openWriteSide } from "../setup/commands.ts";
import { emmettNotes, notes, noteText } from "../setup/notes.ts";

const callers = 64;
/** Emmett's own retry on a conflict of versions; more than its default of 3, with which most commands would fail. */
const retries = 200;

/** With one connection its commands follow one another in this process and never meet: its best, as long as no second process writes. */
const names = { pool: "Emmett", alone: "Emmett, 1 connection" };

export default {
  name: "hot-aggregate",
  quickSeconds: 7,
  title: `${callers} callers write to one stream; where another command was quicker, the command is decided again`,
  opponents: true,
  cases: ({ quick }) => [
    {
      name: "one stream",
      against: names.alone,
      contenders: [
        {
          name: "Tidemark",
          async run(context) {
            const { url } = await context.database();
            const side = await openWriteSide(url, { aggregates: [notes] });
            const stream = randomUUID();
            const { figures, operations, total } = await load(context, (text) => side.execute(notes.commands.WriteNote(stream, { text })));
            await side.close();
            await checkWriteStore(url, { events: total, commands: total });
            return { figures, operations };
          },
        },
        // its commands wait for seconds behind one another, and a run ends with the last of them
        ...(quick ? [] : [emmett(names.pool, emmettPoolSize)]),
        emmett(names.alone, 1),
      ],
    },
  ],
} satisfies Benchmark;

const emmett = (name: string, poolSize: number): Contender => ({
  name,
  async run(context) {
    const { url } = await context.database();
    const { evolve, initialState, decide } = emmettNotes;
    const side = await openEmmett(url, { poolSize, evolve, initialState, retries });
    const stream = randomUUID();
    const { figures, operations, total } = await load(context, (text) => side.execute(stream, () => decide(text)));
    const { failed, repeated } = side.conflicts;
    await side.close();
    if (failed > 0) throw new Error(`${failed} commands failed after ${retries} repeats`);
    await checkEmmett(url, total);
    return { figures, operations, notes: { "pool size": poolSize, "commands in all": total, "repeats": repeated } };
  },
});

async function load(context: RunContext, write: (text: string) => Promise<void>) {
  let n = 0;
  const call = async () => {
    await write(noteText(n++));
    return 1;
  };
  const before = await closedLoop(callers, context.warmUpSeconds, call);
  const { value } = await context.measured(() => closedLoop(callers, context.seconds, call));
  return {
    figures: {
      "commands/s": value.calls / value.seconds,
      "p50 ms": percentile(value.latenciesMs, 0.5),
      "p99 ms": percentile(value.latenciesMs, 0.99),
    },
    operations: value.calls,
    total: before.calls + value.calls,
  };
}
