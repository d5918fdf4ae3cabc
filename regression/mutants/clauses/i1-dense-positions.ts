/** I1: dense positions under a lock. */
import type { Mutant } from "../mutant.ts";

/** The append of nearly all calls; where it gives up, the careful one answers. */
const quick = "src/postgres/migrations/write/0003-append-quick.ts";
const careful = "src/postgres/migrations/write/0002-append.ts";
/** That of a single command. */
const one = "src/postgres/migrations/write/0005-append-one.ts";
const meetingOne = (pattern: string) => [{ file: "src/postgres/append-interleavings.int.test.ts", pattern: `quickest: .*${pattern}` }];
const meeting = (pattern: string) => [{ file: "src/postgres/append-interleavings.int.test.ts", pattern: `quick: .*${pattern}` }];

const lock = `  -- 1 lock
  select array_agg(x.position order by x.i) into v_head
    from (select h.position, u.i from unnest(p_h_log, p_h_partition) with ordinality u(log, partition, i)
            join heads h on h.log = u.log and h.partition = u.partition
           order by h.log, h.partition for update of h) x;
`;
const versions = `  -- 2 versions
  select array_agg(coalesce(t.position, 0)), bool_or(coalesce(t.version, 0) <> p_s_version[i] or t.partition <> p_h_partition[p_s_head[i]]) into v_pos, v_other
    from generate_series(1, cardinality(p_s_stream)) i
    left join lateral (select e.version, e.position, e.partition from events e where e.log = p_h_log[p_s_head[i]] and e.stream = p_s_stream[i]
                        order by e.version desc limit 1) t on true;
`;

const carefulLock = `  -- 1 lock
  select array_agg(x.position order by x.i) into v_head0
    from (select h.position, u.i from unnest(p_h_log, p_h_partition) with ordinality u(log, partition, i)
            join heads h on h.log = u.log and h.partition = u.partition
           order by h.log, h.partition for update of h) x;
  if cardinality(v_head0) is distinct from cardinality(p_h_log) then
    raise exception 'tidemark: unknown log or partition' using errcode = '22023';
  end if;
`;
const carefulDuplicates = `  -- 2 duplicates
  select array_agg(u.i) into v_dup
    from unnest(p_id) with ordinality u(id, i), lateral (select from commands k where k.command_id = u.id limit 1) x;
`;

export const densePositions: readonly Mutant[] = [
  {
    name: "head-lock",
    clause: "I1",
    takes: "the lock of the heads",
    file: quick,
    find: "order by h.log, h.partition for update of h) x;",
    replace: "order by h.log, h.partition) x;",
    tests: meeting("a rejection is not kept"),
  },
  {
    name: "head-lock-order",
    clause: "I1",
    takes: "the order in which heads are locked",
    file: quick,
    find: "order by h.log, h.partition for update of h) x;",
    replace: "order by u.i for update of h) x;",
    tests: meeting("heads are locked in one order"),
  },
  {
    name: "versions-before-lock",
    clause: "I1",
    takes: "versions are looked up after the lock",
    file: quick,
    find: lock + versions,
    replace: versions + lock,
    tests: meeting("a rejection is not kept"),
  },
  {
    name: "duplicates-before-lock",
    clause: "I1",
    takes: "ids are looked up after the lock",
    file: careful,
    find: carefulLock + carefulDuplicates,
    replace: carefulDuplicates + carefulLock,
    tests: [{ file: "src/postgres/append-interleavings.int.test.ts", pattern: "careful: ids are looked up after" }],
  },
  {
    name: "version-check",
    clause: "I1",
    takes: "the check of the version",
    file: careful,
    find: "elsif v_broken[s] or p_expected[i] <> v_ver[s] then",
    replace: "elsif v_broken[s] then",
    tests: [{ file: "src/postgres/event-store.int.test.ts", pattern: "postgres: a stale version conflicts" }],
  },
  {
    name: "positions-with-gaps",
    clause: "I1",
    takes: "positions without gaps",
    file: quick,
    find: "set position = h.position + p_h_n[i]",
    replace: "set position = h.position + p_h_n[i] + 1",
    tests: [{ file: "src/postgres/event-store.int.test.ts", pattern: "postgres: appended events have dense positions" }],
  },
  {
    name: "head-lock-one",
    clause: "I1",
    takes: "the lock of the head, where a command is alone",
    file: one,
    find: "where h.log = p_log and h.partition = p_partition for update;",
    replace: "where h.log = p_log and h.partition = p_partition;",
    tests: meetingOne("a rejection is not kept"),
  },
  {
    name: "version-check-one",
    clause: "I1",
    takes: "the check of the version, where a command is alone",
    file: one,
    find: "coalesce(v_version, 0) = p_expected and ",
    replace: "",
    tests: meetingOne("a rejection is not kept"),
  },
  {
    name: "isolation-one",
    clause: "I1",
    takes: "the refusal of other isolation than READ COMMITTED, where a command is alone",
    file: one,
    find: "if current_setting('transaction_isolation') <> 'read committed' then",
    replace: "if false then",
    tests: [{ file: "src/postgres/event-store.int.test.ts", pattern: "postgres: .*another isolation is refused" }],
  },
  {
    name: "isolation",
    clause: "I1",
    takes: "the refusal of other isolation than READ COMMITTED",
    file: quick,
    find: "if current_setting('transaction_isolation') <> 'read committed' then",
    replace: "if false then",
    tests: [{ file: "src/postgres/event-store.int.test.ts", pattern: "postgres: .*another isolation is refused" }],
  },
];
