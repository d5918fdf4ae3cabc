/** A small aggregate for tests of the runtime. */
import { z } from "zod";
import { aggregate } from "../src/core/aggregate.ts";

export const counters = aggregate(
  "counters",
  {
    id: "counterId",
    commands: {
      Open: z.object({ label: z.string().optional() }),
      Add: z.object({ by: z.int(), note: z.string().optional() }),
      Touch: z.object({}),
      Burst: z.object({ bytes: z.int() }),
      Break: z.object({}),
    },
    events: {
      Opened: z.object({ label: z.string().optional() }),
      Added: z.object({ by: z.int(), sum: z.int(), note: z.string().optional() }),
      Padded: z.object({ padding: z.string() }),
    },
    rejections: {
      AlreadyOpen: "The counter is open.",
      NotOpen: "There is no such counter.",
      TooLow: (data: { sum: number }) => `The sum would be ${data.sum}.`,
    },
    initial: null as number | null,
  },
  {
    decide: {
      Open: (sum, { data }, { Opened, AlreadyOpen }) => (sum === null ? Opened(data) : AlreadyOpen()),
      Add: (sum, { data }, { Added, NotOpen, TooLow }) => {
        if (sum === null) return NotOpen();
        return sum + data.by < 0 ? TooLow({ sum: sum + data.by }) : Added({ ...data, sum: sum + data.by });
      },
      Touch: (sum, _, { NotOpen }) => (sum === null ? NotOpen() : []),
      Burst: (_, { data }, { Padded }) => Padded({ padding: "x".repeat(data.bytes) }),
      Break: () => {
        throw new Error("decide is broken");
      },
    },
    evolve: {
      Opened: () => 0,
      Added: (sum, { data }) => (sum ?? 0) + data.by,
      Padded: (sum) => sum,
    },
  },
);
