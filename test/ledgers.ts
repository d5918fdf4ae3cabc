/** An aggregate whose state shows each event that was left out, folded twice or out of order, and whose events show the state they were decided on. */
import { z } from "zod";
import { aggregate } from "../src/core/aggregate.ts";

export interface LedgerState {
  readonly count: number;
  readonly digest: number;
  readonly latest: readonly { readonly amount: number; readonly note?: string }[];
}

const initial: LedgerState = { count: 0, digest: 7, latest: [] };

/** @param digest of a state and an amount: another one is another reducer, which only `version` tells */
export const ledgers = (
  snapshots: { readonly every: number; readonly version?: number } | undefined,
  digest: (before: number, amount: number) => number = (before, amount) => (before * 31 + amount) % 1_000_003,
) =>
  aggregate(
    "ledgers",
    {
      id: "ledgerId",
      commands: {
        Put: z.object({ amounts: z.array(z.int()), note: z.string().optional() }),
        Clear: z.object({}),
      },
      events: {
        Booked: z.object({ amount: z.int(), note: z.string().optional(), seen: z.int() }),
        Cleared: z.object({ seen: z.int() }),
      },
      rejections: { NothingThere: (data: { seen: number }) => `Nothing is there (${data.seen}).` },
      initial,
      ...(snapshots && { snapshots }),
    },
    {
      decide: {
        Put: (ledger, { data: { amounts, note } }, { Booked }) =>
          amounts.map((amount) => Booked({ amount, seen: ledger.digest, ...(note !== undefined && { note }) })),
        Clear: (ledger, _, { Cleared, NothingThere }) =>
          ledger.latest.length === 0 ? NothingThere({ seen: ledger.digest }) : Cleared({ seen: ledger.digest }),
      },
      evolve: {
        Booked: ({ count, digest: before, latest }, { data: { amount, note } }) => ({
          count: count + 1,
          digest: digest(before, amount),
          latest: [...latest.slice(-2), note === undefined ? { amount } : { amount, note }],
        }),
        Cleared: ({ count, digest: before }) => ({ count: count + 1, digest: digest(before, -1), latest: [] }),
      },
    },
  );
