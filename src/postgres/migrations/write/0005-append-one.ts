/**
 * The append of a single command, for a caller that has the system to itself: statements on one row each, no array of commands, no subtransaction, at half
 * of what the call for many takes. Same order of steps: lock the head, check the version, claim the id, write the events. The claim comes before anything
 * else is written, so where it meets a known id nothing has to be taken back. Whatever else it meets goes to `tidemark_append`, as it came.
 */
export const sql = `
create function tidemark_append_one(
  p_log text, p_partition int, p_stream text,
  p_id text, p_fingerprint text, p_expected int, p_if_match boolean, p_kind text, p_answer text,
  p_e_type text[], p_e_schema int[], p_e_data text[], p_e_metadata text[], p_e_id uuid[])
returns json
language plpgsql volatile
set enable_seqscan = off set plan_cache_mode = force_generic_plan
as $fn$
#variable_conflict use_column
declare
  n constant int := cardinality(p_e_id);
  v_head bigint; v_version int; v_pos bigint; v_partition int; v_known boolean;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'tidemark: append needs READ COMMITTED, this transaction is %', upper(current_setting('transaction_isolation')) using errcode = '25001';
  end if;
  if current_setting('synchronous_commit') in ('off', 'local', 'remote_write') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  -- 1 lock
  select h.position into v_head from heads h where h.log = p_log and h.partition = p_partition for update;
  -- 2 version
  select e.version, e.position, e.partition into v_version, v_pos, v_partition from events e where e.log = p_log and e.stream = p_stream
   order by e.version desc limit 1;
  if v_head is not null and coalesce(v_version, 0) = p_expected and coalesce(v_partition, p_partition) = p_partition then
    v_pos := case when n > 0 then v_head + n else coalesce(v_pos, 0) end;
    -- 3 claim; nothing is claimed for a check, so its id is looked up
    if p_kind = 'c' then
      select true into v_known from commands k where k.command_id = p_id;
    else
      insert into commands (command_id, fingerprint, log, partition, stream, kind, answer, version, position)
        values (p_id, p_fingerprint, p_log, p_partition, p_stream, p_kind, p_answer::json, p_expected + n, v_pos)
        on conflict (command_id) do nothing;
      v_known := not found;
    end if;
    if not coalesce(v_known, false) then
      -- 4 write
      for i in 1 .. n loop
        insert into events (log, partition, position, stream, version, type, schema_version, data, metadata, event_id, command_id)
          values (p_log, p_partition, v_head + i, p_stream, p_expected + i, p_e_type[i], p_e_schema[i], p_e_data[i]::json, p_e_metadata[i]::json, p_e_id[i], p_id);
      end loop;
      if n > 0 then
        update heads h set position = v_head + n where h.log = p_log and h.partition = p_partition;
      end if;
      return json_build_object('heads', array[v_head], 'streams', array[v_pos]);
    end if;
  end if;
  return (select json_build_object('status', a.status, 'positions', a.positions, 'details', a.details)
    from tidemark_append(array[p_log], array[p_partition], array[1], array[p_stream], array[p_expected], array[p_id], array[p_fingerprint], array[1],
                         array[p_expected], array[p_if_match], array[p_kind], array[p_answer], array[n],
                         array_fill(1, array[n]), p_e_type, p_e_schema, p_e_data, p_e_metadata, p_e_id) a);
end $fn$;
`;
