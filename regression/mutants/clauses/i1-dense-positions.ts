/** I1: dense positions under a lock. */
import type { Mutant } from "../mutant.ts";

const file = "src/postgres/migrations/write/0002-append.ts";
const meeting = (pattern: string) => [{ file: "src/postgres/append-interleavings.int.test.ts", pattern }];

const lock = `  -- 1 lock
  select array_agg(x.position order by x.i) into v_head0
    from (select h.position, u.i from unnest(p_h_log, p_h_partition) with ordinality u(log, partition, i)
            join heads h on h.log = u.log and h.partition = u.partition
           order by h.log, h.partition for update of h) x;
  if cardinality(v_head0) is distinct from cardinality(p_h_log) then
    raise exception 'tidemark: unknown log or partition' using errcode = '22023';
  end if;
`;
const duplicates = `  -- 2 duplicates
  select array_agg(u.i) into v_dup
    from unnest(p_id) with ordinality u(id, i), lateral (select from commands k where k.command_id = u.id limit 1) x;
`;
const versions = `  -- 3 versions
  select array_agg(x.version), array_agg(x.position), bool_or(x.wrong) into v_ver0, v_pos0, bad
    from (select coalesce(t.version, 0) as version, coalesce(t.position, 0) as position, t.partition <> p_h_partition[u.head] as wrong
            from unnest(p_s_head, p_s_stream) with ordinality u(head, stream, i)
            left join lateral (select e.version, e.position, e.partition from events e where e.log = p_h_log[u.head] and e.stream = u.stream
                                order by e.version desc limit 1) t on true
           order by u.i) x;
`;

export const densePositions: readonly Mutant[] = [
  {
    name: "head-lock",
    clause: "I1",
    takes: "the lock of the heads",
    file,
    find: "order by h.log, h.partition for update of h) x;",
    replace: "order by h.log, h.partition) x;",
    tests: meeting("waits at the head, so positions"),
  },
  {
    name: "head-lock-order",
    clause: "I1",
    takes: "the order in which heads are locked",
    file,
    find: "order by h.log, h.partition for update of h) x;",
    replace: "order by u.i for update of h) x;",
    tests: meeting("heads are locked in one order"),
  },
  {
    name: "versions-before-lock",
    clause: "I1",
    takes: "versions are looked up after the lock",
    file,
    find: lock + duplicates + versions,
    replace: versions + lock + duplicates,
    tests: meeting("versions are looked at after"),
  },
  {
    name: "duplicates-before-lock",
    clause: "I1",
    takes: "ids are looked up after the lock",
    file,
    find: lock + duplicates,
    replace: duplicates + lock,
    tests: meeting("ids are looked up after"),
  },
  {
    name: "version-check",
    clause: "I1",
    takes: "the check of the version",
    file,
    find: "elsif v_broken[s] or p_expected[i] <> v_ver[s] then",
    replace: "elsif v_broken[s] then",
    tests: [{ file: "src/postgres/event-store.int.test.ts", pattern: "postgres: a stale version conflicts" }],
  },
  {
    name: "positions-with-gaps",
    clause: "I1",
    takes: "positions without gaps",
    file,
    find: "v_head[h] := v_head[h] + n; v_pos[s]",
    replace: "v_head[h] := v_head[h] + n + 1; v_pos[s]",
    tests: [{ file: "src/postgres/event-store.int.test.ts", pattern: "postgres: appended events have dense positions" }],
  },
  {
    name: "isolation",
    clause: "I1",
    takes: "the refusal of other isolation than READ COMMITTED",
    file,
    find: "if current_setting('transaction_isolation') <> 'read committed' then",
    replace: "if false then",
    tests: [{ file: "src/postgres/event-store.int.test.ts", pattern: "postgres: .*another isolation is refused" }],
  },
];
