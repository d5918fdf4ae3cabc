/**
 * The outbox of state-stored models: `tidemark_publish` keeps events beside the caller's own writes, and a deferred constraint trigger moves all of
 * them into `events` when the transaction commits, by the steps of an append: lock the heads in order, check versions, move the heads, write the events.
 *
 * A turn is a firing of that trigger. One asks first whether it is the commit: it queues the next turn, which is fired at once only where somebody has
 * set constraints immediate; then it defers itself again. At the commit the first turn only queues the second one, which comes after every deferred
 * trigger of the caller: none of them waits for a row while heads are locked.
 * Pending rows never outlive their transaction, so the tables are not logged. Rows are found by the transaction's id: those of others are not walked over.
 * The functions run with the rights of their owner, under the schema they were made in: a caller needs the right to use the schema and nothing else.
 * SQLSTATE TM001: another version, TM002: a transaction that cannot be used, TM003: no such log; the detail is JSON.
 */
export const sql = `
create unlogged table outbox(
  transaction xid8 not null,
  seq int not null,                                           -- 1, 2, 3 … in the transaction
  log text collate "C" not null,
  partition int not null,
  stream text collate "C" not null,
  expected int,                                               -- version of the stream before this event; null: not checked
  type text not null,
  schema_version int not null,
  data json not null,
  metadata json not null,
  event_id uuid not null,
  command_id text collate "C" not null,
  primary key (transaction, seq)
);
create unlogged table outbox_turns(
  transaction xid8 not null,
  turn int not null,
  behind boolean not null,                                    -- queued during the commit, behind all that was deferred
  primary key (transaction, turn)
);

do $do$ begin perform set_config('tidemark.path', current_setting('search_path'), true), set_config('search_path', current_setting('search_path') || ', pg_temp', true); end $do$;

create function tidemark_outbox_refuse(p_setting text, p_problem text) returns void language plpgsql as $fn$
begin
  raise exception 'tidemark: %: %', p_setting, p_problem using errcode = 'TM002', detail = json_build_object('setting', p_setting, 'problem', p_problem)::text;
end $fn$;

create function tidemark_outbox_mismatch(p_log text, p_stream text, p_expected int, p_actual int) returns void language plpgsql as $fn$
begin
  raise exception 'tidemark: stream % of log % is at version %, expected %', p_stream, p_log, p_actual, p_expected
    using errcode = 'TM001', detail = json_build_object('log', p_log, 'stream', p_stream, 'expected', p_expected, 'actual', p_actual)::text;
end $fn$;

create function tidemark_publish(p_publication text) returns text
language plpgsql volatile security definer set search_path from current
set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set plan_cache_mode = force_generic_plan
as $fn$
declare
  p constant json := p_publication::json;
  v_self constant xid8 := pg_current_xact_id();
  v_log constant text := p->>'log';
  v_stream constant text := p->>'stream';
  v_expected constant int := (p->>'expected')::int;
  v_log_id uuid; v_partition int; v_seq int; v_turn int; v_version int; v_pending int; v_found int;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform tidemark_outbox_refuse('transaction isolation', 'the outbox needs READ COMMITTED, this transaction is ' || upper(current_setting('transaction_isolation')));
  end if;
  -- a log whose heads are not there yet takes nothing: its events would have no position
  select l.log_id, h.partition into v_log_id, v_partition
    from logs l join heads h on h.log = l.log and h.partition = (p->>'hash')::int % l.partitions where l.log = v_log;
  if not found then
    raise exception 'tidemark: there is no log %', v_log using errcode = 'TM003', detail = json_build_object('log', v_log)::text;
  end if;
  select coalesce(max(o.seq), 0), count(*) filter (where o.log = v_log and o.stream = v_stream) into v_seq, v_pending
    from outbox o where o.transaction = v_self;
  select e.version, e.partition into v_version, v_found from events e where e.log = v_log and e.stream = v_stream order by e.version desc limit 1;
  v_version := coalesce(v_version, 0);
  -- versions only grow, so what does not fit now will not fit at the commit
  if v_expected <> v_version + v_pending then
    perform tidemark_outbox_mismatch(v_log, v_stream, v_expected, v_version + v_pending);
  end if;
  if v_found <> v_partition then
    raise exception 'tidemark: a stream came with another partition than it has' using errcode = '22023';
  end if;
  insert into outbox (transaction, seq, log, partition, stream, expected, type, schema_version, data, metadata, event_id, command_id)
    select v_self, v_seq + u.i, v_log, v_partition, v_stream, case when u.i = 1 then v_expected end,
           u.event->>'type', (u.event->>'schemaVersion')::int, (u.event->>'data')::json, (p->>'metadata')::json, (u.event->>'id')::uuid, p->>'commandId'
      from json_array_elements(p->'events') with ordinality u(event, i);
  if v_seq = 0 then
    select coalesce(max(t.turn), 0) + 1 into v_turn from outbox_turns t where t.transaction = v_self;
    insert into outbox_turns (transaction, turn, behind) values (v_self, v_turn, false);
  end if;
  return json_build_object('logId', v_log_id, 'partition', v_partition, 'after', v_version)::text;
end $fn$;

create function tidemark_outbox_turn() returns trigger
language plpgsql volatile security definer set search_path from current
set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set plan_cache_mode = force_generic_plan
as $fn$
declare
  v_self constant xid8 := pg_current_xact_id();
  v_turn int; v_question text; v_at_commit boolean;
  v_version int[]; v_back bigint[]; v_wrong int; v_log text; v_stream text; v_expected int; v_actual int; v_moved int;
begin
  if new.behind and current_setting('tidemark.outbox_question', true) = v_self || ' ' || new.turn then
    perform set_config('tidemark.outbox_question', 'immediate', true);
    return null;
  end if;
  if not exists (select from outbox o where o.transaction = v_self) then
    return null;
  end if;
  select max(t.turn) + 1 into v_turn from outbox_turns t where t.transaction = v_self;
  perform set_config('tidemark.outbox_question', v_self || ' ' || v_turn, true);
  insert into outbox_turns (transaction, turn, behind) values (v_self, v_turn, true);
  v_at_commit := current_setting('tidemark.outbox_question') <> 'immediate';
  perform set_config('tidemark.outbox_question', '', true);
  if not v_at_commit then
    set constraints tidemark_outbox_turn deferred;
    insert into outbox_turns (transaction, turn, behind) values (v_self, v_turn + 1, false);
    return null;
  end if;
  if not new.behind then
    return null;
  end if;

  if current_setting('transaction_isolation') <> 'read committed' then
    perform tidemark_outbox_refuse('transaction isolation', 'the outbox needs READ COMMITTED, this transaction is ' || upper(current_setting('transaction_isolation')));
  end if;
  if current_setting('max_prepared_transactions') <> '0' then
    if current_query() ~* '^\\s*prepare\\s+transaction\\M' then
      perform tidemark_outbox_refuse('PREPARE TRANSACTION', 'a transaction with events cannot be prepared: their partitions would be locked until it is ended');
    end if;
    -- PostgreSQL itself refuses to prepare a transaction that has one, however the command is written
    perform pg_export_snapshot();
  end if;
  if current_setting('synchronous_commit') in ('off', 'local', 'remote_write') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  -- 1 lock
  perform from (select distinct o.log, o.partition from outbox o where o.transaction = v_self) p
    join heads h on h.log = p.log and h.partition = p.partition order by h.log, h.partition for update of h;
  -- 2 versions
  select array_agg(x.version order by x.seq), array_agg(x.back order by x.seq),
         min(x.seq) filter (where x.expected <> x.version - 1)
    into v_version, v_back, v_wrong
    from (select o.seq, o.expected, coalesce(b.version, 0) + row_number() over (partition by o.log, o.stream order by o.seq) as version,
                 count(*) over (partition by o.log, o.partition) - row_number() over (partition by o.log, o.partition order by o.seq) as back
            from outbox o
            left join lateral (select e.version from events e where e.log = o.log and e.stream = o.stream order by e.version desc limit 1) b on true
           where o.transaction = v_self) x;
  if v_wrong is not null then
    select o.log, o.stream, o.expected, v_version[v_wrong] - 1 into v_log, v_stream, v_expected, v_actual from outbox o where o.transaction = v_self and o.seq = v_wrong;
    perform tidemark_outbox_mismatch(v_log, v_stream, v_expected, v_actual);
  end if;
  -- 3 write
  update heads h set position = h.position + p.n
    from (select o.log, o.partition, count(*) as n from outbox o where o.transaction = v_self group by o.log, o.partition) p
   where h.log = p.log and h.partition = p.partition;
  delete from outbox_turns t where t.transaction = v_self;
  with moved as (delete from outbox o where o.transaction = v_self returning o.*)
  insert into events (log, partition, position, stream, version, type, schema_version, data, metadata, event_id, command_id)
    select m.log, m.partition, h.position - v_back[m.seq], m.stream, v_version[m.seq], m.type, m.schema_version, m.data, m.metadata, m.event_id, m.command_id
      from moved m join heads h on h.log = m.log and h.partition = m.partition;
  get diagnostics v_moved = row_count;
  if v_moved <> cardinality(v_version) then
    raise exception 'tidemark: the outbox lost a head' using errcode = '22023';
  end if;
  return null;
end $fn$;
revoke execute on function tidemark_outbox_turn() from public;
create constraint trigger tidemark_outbox_turn after insert on outbox_turns
  deferrable initially deferred for each row execute function tidemark_outbox_turn();
-- also where a session plays a replica: a pending row must not outlive its transaction
alter table outbox_turns enable always trigger tidemark_outbox_turn;

create function tidemark_published(p_publications text) returns text
language plpgsql stable security definer set search_path from current set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $fn$
begin
  return (select coalesce(json_agg(json_build_object('log', r.log, 'logId', l.log_id, 'partition', x.partition, 'position', x.position)), '[]')::text
    from json_to_recordset(p_publications::json) r(log text, stream text, after int, "lastEventId" uuid)
    join logs l on l.log = r.log,
    lateral (select e.partition, e.position from events e
              where e.log = r.log and e.stream = r.stream and e.version > r.after and e.event_id = r."lastEventId" limit 1) x);
end $fn$;

do $do$ begin perform set_config('search_path', current_setting('tidemark.path'), true); end $do$;
`;
