/**
 * The write store. There is no table of streams: version, position and partition of a stream come from its last event.
 * `json`, not `jsonb`: the text stays as it was given, so warm and cold `evolve` and what the relay sends are the same bytes.
 */
export const sql = `
create table logs(
  log text collate "C" primary key,
  log_id uuid not null default gen_random_uuid(),
  partitions int not null check (partitions > 0)
);
create table heads(
  log text collate "C" not null references logs(log),
  partition int not null,
  position bigint not null default 0,
  primary key (log, partition)
) with (fillfactor = 20);
create table events(
  log text collate "C" not null,
  partition int not null,
  position bigint not null,
  stream text collate "C" not null,
  version int not null,
  type text not null,
  schema_version int not null,
  data json not null,
  metadata json not null,
  event_id uuid not null,
  command_id text collate "C" not null,
  recorded_at timestamptz not null default now(),
  primary key (log, partition, position),
  unique (log, stream, version)
);
create table commands(
  command_id text collate "C" primary key,
  fingerprint text not null,
  log text collate "C" not null,
  partition int not null,
  stream text collate "C" not null,
  kind text not null,
  answer json not null,
  version int not null,
  position bigint not null,
  recorded_at timestamptz not null default now()
);
create table relayed(
  log text collate "C" not null references logs(log),
  partition int not null,
  position bigint not null,
  topic_id text not null,
  primary key (log, partition)
) with (fillfactor = 50);
`;
