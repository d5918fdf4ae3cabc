/**
 * What all views of a store share. Documents are in tables of each generation (view-tables.ts).
 * Names begin with `_`, so no view's name can meet them.
 */
export const sql = `
create table _generations(
  view text collate "C" not null,
  generation int not null,
  declared int not null,
  hash text not null,
  state text not null check (state in ('building', 'live', 'previous', 'retired')),
  created_at timestamptz not null default now(),
  caught_up_at timestamptz,
  primary key (view, generation)
) with (fillfactor = 50);
create unique index _generations_live on _generations(view) where state = 'live';

-- fillfactor: updates stay on their page
create table _checkpoints(
  view text collate "C" not null,
  generation int not null,
  log text collate "C" not null,
  partition int not null,
  position bigint not null default 0,
  event_id text,
  log_id text,
  hint text,
  declared int not null,
  failure json,
  updated_at timestamptz not null default now(),
  primary key (view, generation, log, partition)
) with (fillfactor = 50);

create table _ends(
  log text collate "C" not null,
  partition int not null,
  position bigint not null,
  recorded_at timestamptz not null,
  primary key (log, partition)
) with (fillfactor = 50);

-- Raises where the checkpoint is not the expected one: an update of no row would be no error, and what stands behind it in a pipeline would run.
-- Refuses to run outside the transaction that the caller began: after a failed 'begin' each statement of a pipeline commits by itself.
create function _move_checkpoint(p_tx text, p_view text, p_generation int, p_log text, p_partition int, p_old_position bigint, p_old_event_id text,
  p_position bigint, p_event_id text, p_log_id text, p_hint text, p_declared int) returns void language plpgsql as $$
begin
  if current_setting('tidemark.tx', true) is distinct from p_tx then
    raise exception 'NO_TRANSACTION' using errcode = 'TM002';
  end if;
  update _checkpoints c set position = p_position, event_id = p_event_id, log_id = coalesce(p_log_id, c.log_id), hint = p_hint, failure = null, updated_at = clock_timestamp()
   where c.view = p_view and c.generation = p_generation and c.log = p_log and c.partition = p_partition
     and c.position = p_old_position and c.event_id is not distinct from p_old_event_id and c.declared = p_declared;
  if not found then
    raise exception 'CHECKPOINT_MOVED' using errcode = 'TM001';
  end if;
end $$;
`;
