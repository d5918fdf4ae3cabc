/**
 * The append for the case that is nearly always: nobody is a duplicate, nobody conflicts. All of it is set-based, and the claims are checked by the
 * insert itself. Whatever else it meets, it takes back what it wrote and hands the same call to `tidemark_append`, which answers each command by itself.
 * The order of steps is the same: lock the heads, check versions, claim the ids in order, write the events. Offsets count from a head's position.
 * The heads are moved outside the block that can be taken back: a row locked in one (sub)transaction and written in another needs a MultiXact.
 * Streams are found by an index that begins with the stream: where it begins with the log, each comparison on the way down looks at two columns.
 * Rows come from `generate_series` and subscripts: `unnest` keeps a store of tuples for each array.
 */
export const sql = `
alter table events drop constraint events_log_stream_version_key, add constraint events_stream_log_version_key unique (stream, log, version);
create function tidemark_append_quick(
  p_h_log text[], p_h_partition int[],                        -- heads, distinct
  p_s_head int[], p_s_stream text[], p_s_version int[],       -- streams, distinct: head (index), key, version of the caller's state
  p_id text[], p_fingerprint text[], p_stream int[],          -- commands, in order: stream (index)
  p_expected int[], p_if_match boolean[], p_kind text[], p_answer text[], p_n int[],
  p_e_command int[], p_e_type text[], p_e_schema int[], p_e_data text[], p_e_metadata text[], p_e_id uuid[],  -- events, flat: command (index)
  p_h_n int[],                                                -- by head: events in this call
  p_offset int[],                                             -- by command: offset of its stream's last event so far in this call, 0: none
  p_e_offset int[], p_e_version int[])                        -- by event
returns json
language plpgsql volatile
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set plan_cache_mode = force_generic_plan
as $fn$
#variable_conflict use_column
declare
  v_head bigint[]; v_pos bigint[]; v_other boolean;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'tidemark: append needs READ COMMITTED, this transaction is %', upper(current_setting('transaction_isolation')) using errcode = '25001';
  end if;
  if current_setting('synchronous_commit') in ('off', 'local', 'remote_write') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  -- 1 lock
  select array_agg(x.position order by x.i) into v_head
    from (select h.position, u.i from unnest(p_h_log, p_h_partition) with ordinality u(log, partition, i)
            join heads h on h.log = u.log and h.partition = u.partition
           order by h.log, h.partition for update of h) x;
  -- 2 versions
  select array_agg(coalesce(t.position, 0)), bool_or(coalesce(t.version, 0) <> p_s_version[i] or t.partition <> p_h_partition[p_s_head[i]]) into v_pos, v_other
    from generate_series(1, cardinality(p_s_stream)) i
    left join lateral (select e.version, e.position, e.partition from events e where e.log = p_h_log[p_s_head[i]] and e.stream = p_s_stream[i]
                        order by e.version desc limit 1) t on true;
  if not coalesce(v_other, false) and cardinality(v_head) = cardinality(p_h_log) then
    if 'c' = any(p_kind) then
      -- nothing is claimed for these, so their ids are looked up
      select bool_or(true) into v_other
        from generate_series(1, cardinality(p_id)) i, lateral (select from commands k where k.command_id = p_id[i] limit 1) x where p_kind[i] = 'c';
    end if;
    if not coalesce(v_other, false) then
      begin
        -- 3 claim
        insert into commands (command_id, fingerprint, log, partition, stream, kind, answer, version, position)
          select x.id, p_fingerprint[x.i], p_h_log[p_s_head[x.s]], p_h_partition[p_s_head[x.s]], p_s_stream[x.s], p_kind[x.i], p_answer[x.i]::json,
                 p_expected[x.i] + p_n[x.i], case when p_offset[x.i] > 0 then v_head[p_s_head[x.s]] + p_offset[x.i] else v_pos[x.s] end
            from (select p_id[i] as id, p_stream[i] as s, i from generate_series(1, cardinality(p_id)) i where p_kind[i] <> 'c'
                   order by p_id[i] collate "C") x;
        -- 4 write
        insert into events (log, partition, position, stream, version, type, schema_version, data, metadata, event_id, command_id)
          select p_h_log[p_s_head[x.s]], p_h_partition[p_s_head[x.s]], v_head[p_s_head[x.s]] + p_e_offset[x.i], p_s_stream[x.s], p_e_version[x.i],
                 p_e_type[x.i], p_e_schema[x.i], p_e_data[x.i]::json, p_e_metadata[x.i]::json, p_e_id[x.i], p_id[x.c]
            from (select i, p_e_command[i] as c, p_stream[p_e_command[i]] as s from generate_series(1, cardinality(p_e_id)) i) x;
      exception when unique_violation then
        v_other := true;
      end;
      if not coalesce(v_other, false) then
        if cardinality(p_e_id) > 0 then
          update heads h set position = h.position + p_h_n[i]
            from generate_series(1, cardinality(p_h_log)) i where h.log = p_h_log[i] and h.partition = p_h_partition[i] and p_h_n[i] > 0;
        end if;
        return json_build_object('heads', v_head, 'streams', case when 0 = any(p_offset) then v_pos end);
      end if;
    end if;
  end if;
  return (select json_build_object('status', a.status, 'positions', a.positions, 'details', a.details)
    from tidemark_append(p_h_log, p_h_partition, p_s_head, p_s_stream, p_s_version, p_id, p_fingerprint, p_stream, p_expected, p_if_match, p_kind, p_answer, p_n,
                         p_e_command, p_e_type, p_e_schema, p_e_data, p_e_metadata, p_e_id) a);
end $fn$;
`;
