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
  part_of              text,                    -- the photo that this is a part of; it is no photo of its own then
  role                 text check (role in ('motion', 'edit', 'sidecar')), -- what part

  favourite            boolean not null default false,
  archived             boolean not null default false,
  edits                jsonb not null default '{}',         -- what its owner wrote: it goes before what the file says
  trashed_at           timestamptz,             -- in the trash since then, with its parts

  phash                bigint,                  -- perceptual hash, 64 bits
  look                 bytea,                   -- what two pictures with near hashes are compared by
  compared_at          timestamptz,             -- when it was last looked for among the others
  same_group           text,                    -- the group of those that are the same picture
  similar_group        text,                    -- the group of those that were taken at one moment

  foreign key (person, epoch) references placements (person, epoch),
  constraint photos_reason check (state not in ('unreadable', 'quarantined') or reason is not null),
  constraint photos_part check ((part_of is null) = (role is null))
);
-- Two photos may have sidecars of the same bytes, and each keeps its own.
create unique index photos_one_per_content on photos (person, epoch, sha256) where not lost and role is distinct from 'sidecar';
create unique index photos_one_sidecar_per_content on photos (person, epoch, sha256, part_of) where not lost and role = 'sidecar';
create index photos_timeline on photos (person, epoch, shown_at desc, id desc) include (archived)
  where part_of is null and trashed_at is null;
create index photos_trash on photos (person, epoch, trashed_at desc, id desc) where trashed_at is not null;
create index photos_expiring on photos (trashed_at) where trashed_at is not null;
create index photos_waiting on photos (queued_at) include (stored_at) where state = 'stored';
create index photos_arrival on photos (person, epoch, stored_at) include (shown_at) where state = 'stored';
create index photos_outdated on photos (recipe, queued_at) where state = 'ready';
create index photos_live on photos (person, epoch, live) where live is not null;
create index photos_parts on photos (part_of) where part_of is not null;
create index photos_unverified_parts on photos (part_of) where part_of is not null and verified_at is null;
create index photos_compared on photos (person, epoch, compared_at, id) include (phash) where phash is not null and compared_at is not null;
create index photos_uncompared on photos (person, epoch, stored_at) where phash is not null and compared_at is null;
create index photos_same on photos (person, epoch, same_group) where same_group is not null;
create index photos_similar on photos (person, epoch, similar_group) where similar_group is not null;
-- There are few months, however many photos: counted by month without sorting them all.
create statistics photos_months on (date_trunc('month', shown_at)) from photos;

-- What is left of a photo that was deleted for good: its content is not taken again from a handset that still has it, until somebody
-- asks for it (lifted_at). It outlives the photo's objects, which go by a job (purged_at).
create table tombstones (
  photo      text primary key,
  person     text not null,
  epoch      integer not null,
  sha256     bytea not null,
  deleted_at timestamptz not null,
  lifted_at  timestamptz,
  purged_at  timestamptz,
  foreign key (person, epoch) references placements (person, epoch)
);
create index tombstones_content on tombstones (person, epoch, sha256) where lifted_at is null;
create index tombstones_unpurged on tombstones (deleted_at) where purged_at is null;

create table albums (
  id         text primary key,
  person     text not null,
  epoch      integer not null,
  name       text not null,
  created_at timestamptz not null,
  foreign key (person, epoch) references placements (person, epoch)
);
create index albums_person on albums (person, epoch);

create table album_photos (
  album    text not null references albums (id) on delete cascade,
  photo    text not null references photos (id) on delete cascade,
  added_at timestamptz not null,
  primary key (album, photo)
);
create index album_photos_photo on album_photos (photo);

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
  floor  bigint not null default 0,             -- deletions up to here are forgotten: a cursor below it starts anew
  compacted_at timestamptz,                     -- when superseded changes were last removed
  primary key (person, epoch),
  foreign key (person, epoch) references placements (person, epoch)
);

create table changes (
  person text not null,
  epoch  integer not null,
  seq    bigint not null,
  kind   text not null check (kind in ('stored', 'ready', 'unreadable', 'quarantined', 'edited', 'trashed', 'restored', 'deleted',
                                       'album', 'album_deleted', 'added', 'removed')),
  photo  text,                                  -- not of 'album' and 'album_deleted'
  album  text,                                  -- of these, and of 'added' and 'removed'
  at     timestamptz not null,
  primary key (person, epoch, seq),
  constraint changes_of check ((photo is null) = (kind in ('album', 'album_deleted'))
    and (album is not null) = (kind in ('album', 'album_deleted', 'added', 'removed')))
);
-- An album that was deleted is not made again by a late request; see library/albums.
create index changes_deleted_albums on changes (person, epoch, album) where kind = 'album_deleted';

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
  part_of      text,                            -- the photo that it is to be a part of
  role         text check (role in ('motion', 'edit', 'sidecar')),
  keep_deleted boolean not null default false,  -- content that its owner has deleted stays so

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
  deleted      boolean,                         -- its owner has deleted this content, and it stays so
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
