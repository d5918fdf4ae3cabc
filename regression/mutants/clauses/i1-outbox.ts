/** I1 where a user's own transaction commits. */
import type { Mutant } from "../mutant.ts";

const file = "src/postgres/migrations/write/0011-outbox.ts";
const meeting = (pattern: string) => [{ file: "src/postgres/outbox-interleavings.int.test.ts", pattern }];
const alone = (pattern: string) => [{ file: "src/postgres/outbox-transactions.int.test.ts", pattern }];

export const outboxPositions: readonly Mutant[] = [
  {
    name: "outbox-lock-order",
    clause: "I1",
    takes: "the order in which a user's commit locks heads",
    file,
    find: "order by h.log, h.partition for update of h;",
    replace: "order by h.log, h.partition desc for update of h;",
    tests: meeting("heads are locked in one order"),
  },
  {
    name: "outbox-lock",
    clause: "I1",
    takes: "the lock before a user's commit looks versions up",
    file,
    find: "order by h.log, h.partition for update of h;",
    replace: "order by h.log, h.partition;",
    tests: meeting("versions and positions are looked up after the lock"),
  },
  {
    name: "outbox-version",
    clause: "I1",
    takes: "the check of the version at a user's commit",
    file,
    find: "min(x.seq) filter (where x.expected <> x.version - 1)",
    replace: "min(x.seq) filter (where false)",
    tests: meeting("is checked after the lock"),
  },
  {
    name: "outbox-immediate",
    clause: "I1",
    takes: "positions only at the commit, where constraints were set immediate",
    file,
    find: "v_at_commit := current_setting('tidemark.outbox_question') <> 'immediate';",
    replace: "v_at_commit := true;",
    tests: alone("constraints that the user sets immediate in the middle"),
  },
  {
    name: "outbox-behind",
    clause: "I1",
    takes: "the move behind the user's own deferred triggers",
    file,
    find: "if not new.behind then",
    replace: "if false then",
    tests: alone("heads are moved by one statement"),
  },
  {
    name: "outbox-isolation",
    clause: "I1",
    takes: "the refusal of other isolation than READ COMMITTED at a publication",
    file,
    find: "if current_setting('transaction_isolation') <> 'read committed' then\n    perform tidemark_outbox_refuse('transaction isolation', 'the outbox needs READ COMMITTED, this transaction is ' || upper(current_setting('transaction_isolation')));\n  end if;\n  -- a log whose heads",
    replace: "-- a log whose heads",
    tests: alone("another isolation level is refused"),
  },
];
