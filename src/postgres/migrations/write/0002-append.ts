/**
 * The append: one call, one transaction, many commands (I1, I6). Arrays are parallel; indexes between them start at 1.
 * Status by command: A appended, K checked, D duplicate, C conflict (or fallen with an earlier command of its stream), M If-Match names another version.
 * The order of its steps is the guarantee: lock the heads, look up duplicates, check versions, claim ids, write events last.
 * A claim that another call won sends all commands through the rules once more, with the lost ones as duplicates.
 * The planner's switches keep look-ups by key from becoming scans in plans that were made while the tables were empty.
 */
export const sql = `
create function tidemark_append(
  p_h_log text[], p_h_partition int[],                        -- heads, distinct
  p_s_head int[], p_s_stream text[], p_s_version int[],       -- streams, distinct: head (index), key, version of the caller's state
  p_id text[], p_fingerprint text[], p_stream int[],          -- commands, in order: stream (index)
  p_expected int[], p_if_match boolean[], p_kind text[], p_answer text[], p_n int[],
  p_e_command int[], p_e_type text[], p_e_schema int[], p_e_data text[], p_e_metadata text[], p_e_id uuid[],  -- events, flat: command (index)
  out status text, out positions bigint[], out details json)
language plpgsql volatile
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set plan_cache_mode = force_generic_plan
as $fn$
#variable_conflict use_column
declare
  c constant int := cardinality(p_id);
  v_head0 bigint[]; v_head bigint[];                          -- heads before and after
  v_ver0 int[]; v_ver int[]; v_pos0 bigint[]; v_pos bigint[]; -- streams before and after
  v_dup int[]; v_claimed text[]; v_lost int[];
  v_was text[]; v_is text[]; v_broken boolean[];
  v_dv int[]; v_dp bigint[]; v_cpos bigint[]; v_cpos0 bigint[];
  i int; s int; h int; n int; off int; store int; bad boolean;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'tidemark: append needs READ COMMITTED, this transaction is %', upper(current_setting('transaction_isolation')) using errcode = '25001';
  end if;
  if current_setting('synchronous_commit') in ('off', 'local', 'remote_write') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  -- 1 lock
  select array_agg(x.position order by x.i) into v_head0
    from (select h.position, u.i from unnest(p_h_log, p_h_partition) with ordinality u(log, partition, i)
            join heads h on h.log = u.log and h.partition = u.partition
           order by h.log, h.partition for update of h) x;
  if cardinality(v_head0) is distinct from cardinality(p_h_log) then
    raise exception 'tidemark: unknown log or partition' using errcode = '22023';
  end if;
  -- 2 duplicates
  select array_agg(u.i) into v_dup
    from unnest(p_id) with ordinality u(id, i), lateral (select from commands k where k.command_id = u.id limit 1) x;
  -- 3 versions
  select array_agg(x.version), array_agg(x.position), bool_or(x.wrong) into v_ver0, v_pos0, bad
    from (select coalesce(t.version, 0) as version, coalesce(t.position, 0) as position, t.partition <> p_h_partition[u.head] as wrong
            from unnest(p_s_head, p_s_stream) with ordinality u(head, stream, i)
            left join lateral (select e.version, e.position, e.partition from events e where e.log = p_h_log[u.head] and e.stream = u.stream
                                order by e.version desc limit 1) t on true
           order by u.i) x;
  if bad then raise exception 'tidemark: a stream came with another partition than it has' using errcode = '22023'; end if;
  loop
    -- 4 who may write, and where
    v_head := v_head0; v_ver := v_ver0; v_pos := v_pos0; off := 0; store := 0;
    v_broken := array_fill(false, array[cardinality(p_s_stream)]);
    v_is := array_fill('A'::text, array[c]); v_dv := array_fill(0, array[c]);
    v_dp := array_fill(0::bigint, array[c]); v_cpos := v_dp;
    if v_dup is not null then
      foreach i in array v_dup loop v_is[i] := 'D'; end loop;
    end if;
    for i in 1 .. c loop
      s := p_stream[i]; n := p_n[i];
      if v_is[i] = 'D' then
        if n > 0 then v_broken[s] := true; end if;
      elsif v_broken[s] or p_expected[i] <> v_ver[s] then
        v_is[i] := case when p_if_match[i] and p_expected[i] <> v_ver[s] and v_ver[s] > 0 then 'M' else 'C' end;
        v_broken[s] := true;
      else
        if p_kind[i] = 'c' then v_is[i] := 'K'; else store := store + 1; end if;
        if n > 0 then
          h := p_s_head[s];
          v_dv[i] := v_ver[s] - off; v_dp[i] := v_head[h] - off;
          v_ver[s] := v_ver[s] + n; v_head[h] := v_head[h] + n; v_pos[s] := v_head[h];
        end if;
        v_cpos[i] := v_pos[s];
      end if;
      off := off + n;
    end loop;
    exit when v_lost is not null;
    -- 5 claim
    with ins as (
      insert into commands as k (command_id, fingerprint, log, partition, stream, kind, answer, version, position)
      select u.id, u.fingerprint, p_h_log[p_s_head[u.s]], p_h_partition[p_s_head[u.s]], p_s_stream[u.s], u.kind, u.answer::json, u.expected + u.n, u.position
        from unnest(p_id, p_fingerprint, p_stream, p_kind, p_answer, p_expected, p_n, v_cpos, v_is) u(id, fingerprint, s, kind, answer, expected, n, position, state)
       where u.state = 'A'
       order by u.id collate "C"
      on conflict (command_id) do nothing returning k.command_id)
    select array_agg(ins.command_id) into v_claimed from ins;
    exit when coalesce(cardinality(v_claimed), 0) = store;
    -- 6 claims that another call won: they are duplicates now; go through the commands once more
    select array_agg(x.i) filter (where not x.mine), bool_or(x.twice) into v_lost, bad
      from (select max(y.i) as i, bool_or(y.i is null) as mine, count(y.i) > 1 as twice
              from (select u.id, u.i from unnest(p_id, v_is) with ordinality u(id, state, i) where u.state = 'A'
                    union all select u.id, null from unnest(v_claimed) u(id)) y
             group by y.id) x;
    if bad then raise exception 'tidemark: one command id twice in a call' using errcode = '22023'; end if;
    v_dup := v_dup || v_lost; v_was := v_is; v_cpos0 := v_cpos;
  end loop;
  if v_lost is not null then
    delete from commands k using unnest(p_id, v_was, v_is) u(id, was, state)
     where k.command_id = u.id and u.was = 'A' and u.state not in ('A', 'D');
    update commands k set position = u.position from unnest(p_id, v_is, v_cpos, v_cpos0) u(id, state, position, before)
     where k.command_id = u.id and u.state = 'A' and u.position <> u.before;
  end if;
  -- 7 write
  if v_head <> v_head0 then
    update heads h set position = u.position from unnest(p_h_log, p_h_partition, v_head, v_head0) u(log, partition, position, before)
     where h.log = u.log and h.partition = u.partition and u.position > u.before;
    insert into events (log, partition, position, stream, version, type, schema_version, data, metadata, event_id, command_id)
      select p_h_log[p_s_head[p_stream[u.c]]], p_h_partition[p_s_head[p_stream[u.c]]], v_dp[u.c] + u.o, p_s_stream[p_stream[u.c]], v_dv[u.c] + u.o,
             u.type, u.schema, u.data::json, u.metadata::json, u.id, p_id[u.c]
        from unnest(p_e_command, p_e_type, p_e_schema, p_e_data, p_e_metadata, p_e_id) with ordinality u(c, type, schema, data, metadata, id, o)
       where v_is[u.c] = 'A';
  end if;
  status := array_to_string(v_is, ''); positions := v_cpos;
  -- 8 what the callers of the others need
  if 'D' = any(v_is) or 'C' = any(v_is) or 'M' = any(v_is) then
    select json_build_object(
      'duplicates', (select json_agg(json_build_object('i', u.i - 1, 'fingerprint', k.fingerprint, 'log', k.log, 'partition', k.partition, 'stream', k.stream,
                                     'kind', k.kind, 'version', k.version, 'position', k.position, 'answer', k.answer))
                       from unnest(p_id, v_is) with ordinality u(id, state, i) join commands k on k.command_id = u.id where u.state = 'D'),
      'streams', (select json_agg(json_build_object('s', x.s - 1, 'version', v_ver[x.s], 'position', v_pos[x.s],
                          'events', case when v_ver[x.s] - p_s_version[x.s] between 0 and 1000 then (
                             select coalesce(json_agg(json_build_object('version', e.version, 'type', e.type, 'schemaVersion', e.schema_version, 'data', e.data, 'metadata', e.metadata) order by e.version), '[]')
                               from events e where e.log = p_h_log[p_s_head[x.s]] and e.stream = p_s_stream[x.s] and e.version > p_s_version[x.s]) end))
                    from (select distinct u.s from unnest(p_stream, v_is) u(s, state) where u.state in ('C', 'M')) x)) into details;
  end if;
end $fn$;
`;
