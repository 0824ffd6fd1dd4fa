-- The commit: what storing an original takes, in one round trip each. Each function names the module that it belongs to; what they raise
-- is told by its code, see the `*-sql.ts` that call them.

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

-- feed: the same for many photos at once, in their order; returns the last number, null when there are none.
create function append_changes(
  for_person text, in_epoch integer, of_kind text, of_photos text[], of_album text, made_at timestamptz
) returns bigint language plpgsql as $$
declare
  last_seq bigint;
begin
  if cardinality(of_photos) = 0 then return null; end if;
  update feeds set seq = seq + cardinality(of_photos) where person = for_person and epoch = in_epoch returning seq into strict last_seq;
  insert into changes (person, epoch, seq, kind, photo, album, at)
  select for_person, in_epoch, last_seq - cardinality(of_photos) + place, of_kind, photo, of_album, made_at
  from unnest(of_photos) with ordinality as listed (photo, place);
  return last_seq;
end $$;

-- library: whoever locks photos together with their parts holds this first. A part that comes to its whole meanwhile is in nobody's
-- order of ids, and two who each had locked a half of such a family would wait for each other.
create function lock_families(of_person text, in_epoch integer) returns void language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(of_person, in_epoch));
end $$;

-- library: photo, change and job, or the photo that has this content already. Content that its owner deleted comes back, unless
-- whoever sends it leaves that as it is.
-- Whoever locks several rows takes them in one order: the placement, the content, the families, photos by their ids, the feed. So nobody
-- waits for one who waits for them.
create function commit_original(
  of_person text, in_epoch integer, new_photo text, content bytea, content_bytes bigint, name text, from_device text,
  file_time timestamptz, commit_time timestamptz, part_of_photo text, as_role text, keep_deleted boolean,
  out photo text, out duplicate boolean, out deleted boolean
) language plpgsql as $$
declare
  known photos;
  seen_part_of text;
  whole photos;
begin
  perform require_open_placement(of_person, in_epoch);
  -- Of several that bring the same content at once, one comes after the other: each sees what became of it before.
  perform pg_advisory_xact_lock(hashtextextended(of_person || encode(content, 'hex'), in_epoch));
  -- Each in the words by which its own index is found.
  if as_role = 'sidecar' then
    select * into known from photos
    where person = of_person and epoch = in_epoch and sha256 = content and part_of = part_of_photo and not lost and role = 'sidecar';
  else
    select * into known from photos
    where person = of_person and epoch = in_epoch and sha256 = content and not lost and role is distinct from 'sidecar';
  end if;
  if known.id is not null or part_of_photo is not null then
    perform lock_families(of_person, in_epoch);
    seen_part_of := known.part_of;
    perform 1 from photos
    where id = any(array[known.id, known.part_of, part_of_photo]) or part_of = coalesce(known.part_of, known.id)
    order by id for no key update;
    -- As they are now: nobody changes them any more.
    select * into known from photos where id = known.id and not lost;
    if known.id is not null and known.part_of is distinct from seen_part_of then
      raise exception 'the photo of this content has just changed' using errcode = 'PS003';
    end if;
  end if;
  if part_of_photo is not null then
    select * into whole from photos where id = part_of_photo and person = of_person and epoch = in_epoch and part_of is null
    for no key update;
    if not found then raise exception 'the photo that it is a part of is not there' using errcode = 'PS004'; end if;
  end if;

  if known.id is null then
    -- A sidecar shares the fate of its photo, and that is there.
    if keep_deleted and as_role is distinct from 'sidecar' then
      select tombstones.photo into photo from tombstones
      where person = of_person and epoch = in_epoch and sha256 = content and lifted_at is null
      order by deleted_at desc limit 1;
      duplicate := found;
      deleted := found;
      if found then return; end if;
    end if;
    insert into photos (id, person, epoch, sha256, size_bytes, file_name, device, stored_at, queued_at, modified_at, shown_at, part_of,
      role, trashed_at)
    values (new_photo, of_person, in_epoch, content, content_bytes, name, from_device, commit_time, commit_time, file_time,
      coalesce(file_time, commit_time) at time zone 'UTC', part_of_photo, as_role, whole.trashed_at)
    on conflict do nothing
    returning id into photo;
    if photo is null then raise exception 'the photo of this content has just changed' using errcode = 'PS003'; end if;
    duplicate := false;
    deleted := false;
    update tombstones set lifted_at = commit_time
    where person = of_person and epoch = in_epoch and sha256 = content and lifted_at is null;
    insert into outbox (job, data) values ('thumbnail', jsonb_build_object('photo', photo));
    perform append_change(of_person, in_epoch, 'stored', photo, commit_time);
    return;
  end if;

  photo := known.id;
  duplicate := true;
  deleted := known.trashed_at is not null and keep_deleted;
  if deleted then return; end if;
  if known.trashed_at is not null then
    perform restore_photos(of_person, in_epoch, array[coalesce(known.part_of, photo)], commit_time);
    select * into whole from photos where id = part_of_photo;
  end if;
  -- What was stored as a photo of its own, or as a part of one that was lost since, turns out to be a part of this one. What can be
  -- seen does not come into the trash by that.
  if part_of_photo is not null and photo <> part_of_photo and whole.trashed_at is null and (
    (known.part_of is null and not exists (select from photos parts where parts.part_of = known.id))
    or (known.part_of <> part_of_photo and exists (select from photos gone where gone.id = known.part_of and gone.lost))
  ) then
    update photos set part_of = part_of_photo, role = as_role where id = known.id;
    perform append_changes(of_person, in_epoch, 'edited', array[photo, part_of_photo], null, commit_time);
  end if;
end $$;

-- library: takes photos out of the trash, with their parts; those that aren't in it stay as they are. Returns how many there were.
create function restore_photos(of_person text, in_epoch integer, which text[], restored_at timestamptz) returns integer
language plpgsql as $$
declare
  restored text[];
  wholes integer;
begin
  perform lock_families(of_person, in_epoch);
  perform 1 from photos where (id = any(which) or part_of = any(which)) and person = of_person and epoch = in_epoch
  order by id for no key update;
  with changed as (
    -- Those that came meanwhile were not compared with it.
    update photos set trashed_at = null, compared_at = null
    where (id = any(which) and part_of is null or part_of = any(which)) and person = of_person and epoch = in_epoch
      and trashed_at is not null
    returning id, part_of
  )
  select coalesce(array_agg(id order by id), '{}'), count(*) filter (where part_of is null) into restored, wholes from changed;
  perform append_changes(of_person, in_epoch, 'restored', restored, null, restored_at);
  return wholes;
end $$;

-- upload: the commit of a held upload whose object is durable. Nothing comes back when a newer request took it over.
create function finish_upload(upload_id text, by_holder integer, content bytea, content_bytes bigint, began_at bigint, commit_time timestamptz)
returns table (photo text, duplicate boolean, deleted boolean) language plpgsql as $$
declare
  held uploads;
begin
  select * into held from uploads
  where uploads.id = upload_id and holder = by_holder and state in ('open', 'finishing') for update;
  if not found then return; end if;
  select receipt.photo, receipt.duplicate, receipt.deleted into finish_upload.photo, finish_upload.duplicate, finish_upload.deleted
  from commit_original(held.person, held.epoch, held.photo, content, content_bytes, held.file_name, held.device,
    held.modified_at, commit_time, held.part_of, held.role, held.keep_deleted) as receipt;
  update uploads set state = 'done', hold = 'free', size_bytes = content_bytes, offset_bytes = content_bytes, last_from = began_at,
    stored_as = finish_upload.photo, duplicate = finish_upload.duplicate, deleted = finish_upload.deleted, touched_at = commit_time
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
