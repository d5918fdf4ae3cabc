/**
 * States of streams, so that a cold one is not folded from its first event: a copy that may be deleted at any time. `json` as for events. `event_id` is that
 * of the event at `version`: a row whose event is not there is of another history. Updates stay on their page where states are small.
 */
export const sql = `
create table snapshots(
  log text collate "C" not null,
  stream text collate "C" not null,
  version int not null,
  reducer text collate "C" not null,
  state json not null,
  event_id uuid not null,
  saved_at timestamptz not null default now(),
  primary key (log, stream)
) with (fillfactor = 70);
`;
