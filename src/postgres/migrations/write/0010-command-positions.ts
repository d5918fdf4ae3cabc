/**
 * Commands that were accepted first and are decided later: how far the processor of a topic's partition is, which commands were refused for good, and,
 * where there is no Kafka, the accepted commands themselves.
 * `tidemark_commands_claim` and `tidemark_commands_settle` stand around one append in one statement: the claim is an argument of the append, so it comes
 * first; settling takes the append's answer, so it comes last. Neither knows more of the append than what it answers.
 */
export const sql = `
create table command_positions(
  log text collate "C" not null references logs(log),
  partition int not null,
  topic_id text collate "C" not null,                        -- of Kafka, or table:<log id>
  next_offset bigint not null,                               -- everything before it has its outcome
  replied_offset bigint not null,                            -- every wanted reply of what is before it was sent
  updated_at timestamptz not null default now(),
  primary key (log, partition, topic_id)
) with (fillfactor = 20);
create table parked_commands(
  log text collate "C" not null,
  topic_id text collate "C" not null,
  partition int not null,
  record_offset bigint not null,
  command_id text collate "C" not null,
  code text not null,
  answer json not null,
  record json not null,                                      -- key, value and headers in base64
  parked_at timestamptz not null default now(),
  primary key (log, topic_id, partition, record_offset)
);
create index parked_commands_id on parked_commands (command_id, parked_at);
create table accepted_ends(
  log text collate "C" not null references logs(log),
  partition int not null,
  next_offset bigint not null default 0,
  primary key (log, partition)
) with (fillfactor = 20);
create table accepted_commands(
  log text collate "C" not null,
  partition int not null,
  record_offset bigint not null,
  command_id text collate "C" not null,
  record json not null,
  primary key (log, partition, record_offset)
);
create index accepted_commands_id on accepted_commands (command_id);

create function tidemark_commands_claim(
  p_first anyelement,                                        -- given back: the claim stands in an argument of what it must precede
  p_log text, p_partition int, p_topic_id text, p_from bigint) returns anyelement
language plpgsql volatile as $fn$
declare v_next bigint;
begin
  if current_setting('synchronous_commit') in ('off', 'local', 'remote_write') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  select p.next_offset into v_next from command_positions p where p.log = p_log and p.partition = p_partition and p.topic_id = p_topic_id for update;
  if v_next is distinct from p_from then
    raise exception 'tidemark: the position of the commands of log %, partition %, topic %, is %, not %', p_log, p_partition, p_topic_id, v_next, p_from
      using errcode = 'TM001';
  end if;
  return p_first;
end $fn$;

-- Moves over the longest beginning of records that have outcomes: 0 had one before the call, n > 0 gets that of command n of the call, -1 has none.
-- Where the append did all that it was asked for, that is p_all.
create function tidemark_commands_settle(
  p_answer json,
  p_log text, p_partition int, p_topic_id text, p_from bigint, p_replied bigint, p_all bigint,
  p_record int[], p_next bigint[],                           -- by record: command, offset after it
  p_fingerprint text[],                                      -- by command of the append
  p_park bigint[], p_park_id text[], p_park_code text[], p_park_answer text[], p_park_record text[],
  out appended json, out reached bigint)
language plpgsql volatile as $fn$
declare
  v_status text := p_answer->>'status'; v_letter text; i int;
begin
  appended := p_answer; reached := p_from;
  if v_status is null then
    reached := p_all;
  else
    for r in 1 .. cardinality(p_record) loop
      i := p_record[r];
      exit when i < 0;
      if i > 0 then
        v_letter := substr(v_status, i, 1);
        exit when v_letter not in ('A', 'D');
        exit when v_letter = 'D' and not exists(
          select from json_array_elements(p_answer->'details'->'duplicates') d where (d->>'i')::int = i - 1 and d->>'fingerprint' = p_fingerprint[i]);
      end if;
      reached := p_next[r];
    end loop;
  end if;
  if reached > p_from then
    update command_positions p set next_offset = reached, replied_offset = greatest(p.replied_offset, p_replied), updated_at = now()
     where p.log = p_log and p.partition = p_partition and p.topic_id = p_topic_id;
    if cardinality(p_park) > 0 then
      insert into parked_commands (log, topic_id, partition, record_offset, command_id, code, answer, record)
        select p_log, p_topic_id, p_partition, u.o, u.id, u.code, u.answer::json, u.record::json
          from unnest(p_park, p_park_id, p_park_code, p_park_answer, p_park_record) u(o, id, code, answer, record)
         where u.o < reached
        on conflict do nothing;
    end if;
    if p_topic_id like 'table:%' then
      delete from accepted_commands a where a.log = p_log and a.partition = p_partition and a.record_offset < reached;
    end if;
  end if;
end $fn$;

-- Offsets are given under a lock, so commit order is offset order and a reader of what comes after an offset misses none.
create function tidemark_commands_accept(p_log text, p_partition int[], p_id text[], p_record text[]) returns bigint[]
language plpgsql volatile as $fn$
declare v_first bigint; v_n int; v_p int; v_result bigint[] := array_fill(null::bigint, array[cardinality(p_id)]);
begin
  if current_setting('synchronous_commit') in ('off', 'local', 'remote_write') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  for v_p, v_n in select u.p, count(*) from unnest(p_partition) u(p) group by u.p order by u.p loop
    insert into accepted_ends as e (log, partition, next_offset) values (p_log, v_p, v_n)
      on conflict (log, partition) do update set next_offset = e.next_offset + v_n returning e.next_offset - v_n into v_first;
    for i in 1 .. cardinality(p_id) loop
      if p_partition[i] = v_p then v_result[i] := v_first; v_first := v_first + 1; end if;
    end loop;
  end loop;
  insert into accepted_commands (log, partition, record_offset, command_id, record)
    select p_log, u.p, u.o, u.id, u.record::json from unnest(p_partition, v_result, p_id, p_record) u(p, o, id, record);
  return v_result;
end $fn$;
`;
