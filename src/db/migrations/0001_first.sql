-- One region's database. Each table names the module that owns it; no other module writes to it.
-- Ids are core/ids.ts texts. Everything of a person hangs on (person, epoch): a placement, one stay of their data in a region.

-- accounts ------------------------------------------------------------------------------------------------------------
create table people (
  id            text primary key,
  email         text not null,
  email_folded  text not null unique,           -- lower case, Unicode NFKC: what sign-in compares
  password_hash text not null,                  -- argon2id, with its parameters
  created_at    timestamptz not null
);

create table devices (
  id           text primary key,
  person       text not null references people (id) on delete cascade,
  name         text not null,
  token_sha256 bytea not null unique,           -- the token itself is shown once and kept nowhere
  created_at   timestamptz not null,
  revoked_at   timestamptz
);
create index devices_person on devices (person);

create table sessions (
  token_sha256 bytea primary key,
  person       text not null references people (id) on delete cascade,
  created_at   timestamptz not null,
  expires_at   timestamptz not null
);
create index sessions_person on sessions (person);

-- A ledger: the newest row of a purpose counts, and none is a no.
create table consents (
  id      bigint generated always as identity primary key,
  person  text not null references people (id) on delete cascade,
  purpose text not null check (purpose in ('places')),
  granted boolean not null,
  at      timestamptz not null
);
create index consents_person on consents (person, purpose, id desc);

create table sign_in_links (
  token_sha256 bytea primary key,
  person       text not null references people (id) on delete cascade,
  expires_at   timestamptz not null
);

-- regions -------------------------------------------------------------------------------------------------------------
create table placements (
  person text not null references people (id) on delete cascade,
  epoch  integer not null check (epoch > 0),
  state  text not null check (state in ('staging', 'open', 'frozen', 'erasing', 'erased')),
  primary key (person, epoch)
);
create unique index placements_one_open on placements (person) where state in ('open', 'frozen');

-- library -------------------------------------------------------------------------------------------------------------
create table photos (
  id                   text primary key,
  person               text not null,
  epoch                integer not null,
  sha256               bytea not null check (length(sha256) = 32),
  size_bytes           bigint not null check (size_bytes >= 0),
  file_name            text,
  device               text,                    -- the handset that sent it
  stored_at            timestamptz not null,
  modified_at          timestamptz,             -- the file's own time, as the handset said

  state                text not null default 'stored' check (state in ('stored', 'ready', 'unreadable', 'quarantined')),
  reason               text,                    -- one public sentence: why it is unreadable or in quarantine, or a video has no poster
  attempts             integer not null default 0,           -- begun and not ended: whoever was at it died
  breaks               integer not null default 0,           -- attempts that broke what decoded it
  queued_at            timestamptz not null default now(),  -- when it was last handed to the queue
  lost                 boolean not null default false,      -- its original was found missing or damaged: the content may come again
  verified_at          timestamptz,             -- when a worker read the original again and its hash was right
  recipe               integer,                 -- of the renditions that exist
  renditions           text[] not null default '{}',         -- their names

  kind                 text check (kind in ('picture', 'video')),
  media_type           text,                    -- from the bytes
  duration_ms          integer,                 -- of a video
  width                integer,                 -- upright, in pixels
  height               integer,
  thumbhash            bytea,
  taken_at             timestamp,               -- wall clock where it was taken, never shifted
  taken_offset_minutes smallint,                -- of that clock from UTC, when known
  shown_at             timestamp not null,      -- taken_at, else the file's time, else stored_at: the timeline's order
  camera_make          text,
  camera_model         text,
  lens                 text,
  exposure             jsonb,                   -- {exposureSeconds, fNumber, iso, focalLengthMm}
  latitude             double precision,        -- kept only while its owner agrees to places
  longitude            double precision,
  rating               smallint check (rating between -1 and 5),
  description          text,
  burst                text,                    -- pictures of one burst share it
  motion               jsonb,                   -- its moving half inside of the original: {offset, sizeBytes, mediaType, atMs}
  live                 text,                    -- what the two halves of a Live Photo share
  part_of              text,                    -- the picture that this video is the moving half of; it is no photo of its own then

  phash                bigint,                  -- perceptual hash, 64 bits
  look                 bytea,                   -- what two pictures with near hashes are compared by
  compared_at          timestamptz,             -- when it was last looked for among the others
  same_group           text,                    -- the group of those that are the same picture
  similar_group        text,                    -- the group of those that were taken at one moment

  foreign key (person, epoch) references placements (person, epoch),
  constraint photos_reason check (state not in ('unreadable', 'quarantined') or reason is not null)
);
create unique index photos_one_per_content on photos (person, epoch, sha256) where not lost;
create index photos_timeline on photos (person, epoch, shown_at desc, id desc) include (part_of);
create index photos_waiting on photos (queued_at) include (stored_at) where state = 'stored';
create index photos_arrival on photos (person, epoch, stored_at) include (shown_at) where state = 'stored';
create index photos_outdated on photos (recipe, queued_at) where state = 'ready';
create index photos_live on photos (person, epoch, live) where live is not null;
create index photos_parts on photos (part_of) where part_of is not null;
create index photos_compared on photos (person, epoch, compared_at, id) include (phash) where phash is not null and compared_at is not null;
create index photos_uncompared on photos (person, epoch, stored_at) where phash is not null and compared_at is null;
create index photos_same on photos (person, epoch, same_group) where same_group is not null;
create index photos_similar on photos (person, epoch, similar_group) where similar_group is not null;
-- There are few months, however many photos: counted by month without sorting them all.
create statistics photos_months on (date_trunc('month', shown_at)) from photos;

-- Why two photos are in one group, the younger first.
create table likenesses (
  photo    text not null references photos (id) on delete cascade,
  other    text not null references photos (id) on delete cascade,
  class    text not null check (class in ('same', 'similar')),
  distance smallint not null,                   -- differing bits of the two hashes, 0 to 64
  primary key (photo, other)
);
create index likenesses_other on likenesses (other);

-- feed ----------------------------------------------------------------------------------------------------------------
create table feeds (
  person text not null,
  epoch  integer not null,
  seq    bigint not null default 0,             -- of the last change; counts on from the epoch before
  primary key (person, epoch),
  foreign key (person, epoch) references placements (person, epoch)
);

create table changes (
  person text not null,
  epoch  integer not null,
  seq    bigint not null,
  kind   text not null check (kind in ('stored', 'ready', 'unreadable', 'quarantined')),
  photo  text not null,
  at     timestamptz not null,
  primary key (person, epoch, seq)
);

-- upload --------------------------------------------------------------------------------------------------------------
create table uploads (
  id           text primary key,
  person       text not null,
  epoch        integer not null,
  device       text,
  kind         text not null default 'whole' check (kind in ('whole', 'partial', 'final')),
  state        text not null default 'open' check (state in ('open', 'finishing', 'done', 'ended')),
  size_bytes   bigint check (size_bytes >= 0),  -- null while the handset hasn't said it
  offset_bytes bigint not null default 0,       -- durable in the bucket; never goes back
  metadata     text not null default '',        -- Upload-Metadata as it came, echoed verbatim
  file_name    text,
  media_type   text,
  modified_at  timestamptz,
  sha256       bytea check (length(sha256) = 32),          -- as the handset said, when it did

  -- A final upload is made of partial ones, in this order.
  concat       text,                            -- Upload-Concat as it came, echoed verbatim
  sources      text[] not null default '{}',    -- of a final one: its partial uploads
  used_by      text,                            -- of a partial one: the final upload that it is part of

  -- Who writes. A request takes the hold by raising `holder`; every later write of it names that number, so a request that was
  -- overtaken can change nothing more. `unsure`: it ended with calls to the bucket whose effect may still come.
  holder       integer not null default 0,
  hold         text not null default 'free' check (hold in ('free', 'held', 'unsure')),
  touched_at   timestamptz not null,

  -- Where the bytes are. A late effect of an overtaken request must never meet the bytes of a newer one: pieces carry the
  -- holder in their key, and after an unsure end the photo's id (small) or the part's number (large) is a fresh one.
  photo        text not null,                   -- the id this content gets if it is new
  tried        text[] not null default '{}',    -- ids given up
  multipart    text,                            -- the bucket's id of the multipart upload, for large originals
  next_part    integer not null default 1,
  parts        jsonb not null default '[]',     -- storage/bucket.ts Part, in order
  pieces       jsonb not null default '[]',     -- {offset, sizeBytes, holder}: staged after the last part, in order
  staged       boolean not null default false,  -- whether there ever were pieces
  hash_state   bytea,                           -- of SHA-256 over the bytes in parts

  created_at   timestamptz not null,
  expires_at   timestamptz not null,
  swept_at     timestamptz,                     -- when its expiry was last seen to
  last_from    bigint,                          -- done: where the request that brought the last byte began
  stored_as    text,                            -- done: the photo this upload became or was found to be; a partial one became none
  duplicate    boolean,
  foreign key (person, epoch) references placements (person, epoch),
  constraint uploads_offset check (offset_bytes <= size_bytes),
  constraint uploads_done check (state <> 'done' or (size_bytes is not null and offset_bytes = size_bytes
    and (kind = 'partial') = (stored_as is null) and (stored_as is null) = (duplicate is null)))
);
create index uploads_open on uploads (person) where state in ('open', 'finishing') or (kind = 'partial' and state = 'done' and used_by is null);
create index uploads_final on uploads (person) where kind = 'final';
create index uploads_expiry on uploads (expires_at);
create index uploads_finishing on uploads (touched_at) where state = 'finishing' or (state = 'open' and offset_bytes = size_bytes);

-- queue ---------------------------------------------------------------------------------------------------------------
create table outbox (
  id         bigint generated always as identity primary key,
  job        text not null,                     -- a name of queue/jobs.ts
  data       jsonb not null,                    -- ids only
  created_at timestamptz not null default now()
);

-- the commit ----------------------------------------------------------------------------------------------------------
-- What storing an original takes, in one round trip each. What they raise is told by its code; see the `*-sql.ts` that call them.

-- feed: adds a change and returns its number. The feed's row stays locked until the commit, so numbers become visible in order.
create function append_change(for_person text, in_epoch integer, of_kind text, of_photo text, made_at timestamptz)
returns bigint language plpgsql as $$
declare
  next_seq bigint;
begin
  update feeds set seq = seq + 1 where person = for_person and epoch = in_epoch returning seq into strict next_seq;
  insert into changes (person, epoch, seq, kind, photo, at)
  values (for_person, in_epoch, next_seq, of_kind, of_photo, made_at);
  return next_seq;
end $$;

-- regions: the placement stays locked (for share) until the commit, so that no freeze can come in between.
create function require_open_placement(of_person text, in_epoch integer) returns void language plpgsql as $$
declare
  now_is text;
begin
  select state into now_is from placements where person = of_person and epoch = in_epoch for share;
  if now_is = 'open' then return; end if;
  if now_is in ('frozen', 'staging') then raise exception 'the placement is %', now_is using errcode = 'PS001'; end if;
  raise exception 'the placement is over' using errcode = 'PS002';
end $$;

-- library: photo, change and job, or the photo that has this content already.
create function commit_original(
  of_person text, in_epoch integer, new_photo text, content bytea, content_bytes bigint, name text, from_device text,
  file_time timestamptz, commit_time timestamptz, out photo text, out duplicate boolean
) language plpgsql as $$
begin
  perform require_open_placement(of_person, in_epoch);
  insert into photos (id, person, epoch, sha256, size_bytes, file_name, device, stored_at, queued_at, modified_at, shown_at)
  values (new_photo, of_person, in_epoch, content, content_bytes, name, from_device, commit_time, commit_time, file_time,
    coalesce(file_time, commit_time) at time zone 'UTC')
  on conflict (person, epoch, sha256) where not lost do nothing
  returning id into photo;
  duplicate := photo is null;
  if duplicate then
    select id into photo from photos where person = of_person and epoch = in_epoch and sha256 = content and not lost;
    -- Between the two statements its original was found to be lost: the next attempt stores it anew.
    if photo is null then raise exception 'the photo of this content has just changed' using errcode = 'PS003'; end if;
    return;
  end if;
  perform append_change(of_person, in_epoch, 'stored', photo, commit_time);
  insert into outbox (job, data) values ('thumbnail', jsonb_build_object('photo', photo));
end $$;

-- upload: the commit of a held upload whose object is durable. Nothing comes back when a newer request took it over.
create function finish_upload(upload_id text, by_holder integer, content bytea, content_bytes bigint, began_at bigint, commit_time timestamptz)
returns table (photo text, duplicate boolean) language plpgsql as $$
declare
  held uploads;
begin
  select * into held from uploads
  where uploads.id = upload_id and holder = by_holder and state in ('open', 'finishing') for update;
  if not found then return; end if;
  select receipt.photo, receipt.duplicate into finish_upload.photo, finish_upload.duplicate
  from commit_original(held.person, held.epoch, held.photo, content, content_bytes, held.file_name, held.device,
    held.modified_at, commit_time) as receipt;
  update uploads set state = 'done', hold = 'free', size_bytes = content_bytes, offset_bytes = content_bytes, last_from = began_at,
    stored_as = finish_upload.photo, duplicate = finish_upload.duplicate, touched_at = commit_time
  where uploads.id = upload_id;
  if held.staged or finish_upload.duplicate or cardinality(held.tried) > 0 then
    insert into outbox (job, data) values ('reap', jsonb_build_object('upload', upload_id));
  end if;
  if cardinality(held.sources) > 0 then
    -- In one order for all, so that two that share some wait for each other rather than for ever.
    perform 1 from uploads where uploads.id = any(held.sources) order by uploads.id for update;
    update uploads set used_by = upload_id where uploads.id = any(held.sources);
    insert into outbox (job, data) select 'reap', jsonb_build_object('upload', source) from unnest(held.sources) as source;
  end if;
  return next;
end $$;
