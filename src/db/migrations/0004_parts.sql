-- Parts: a photo that becomes a part of another leaves to it what its owner did with it; a photo has so many parts and no more; what is
-- in the trash stays deleted also when its original was lost; a sidecar asks for no photo's bytes.

-- library: a photo becomes a part of another one. It leaves to that one its places in albums, the favourite mark, and of its owner's words
-- those that the whole has none for; it goes where the whole is, into the trash or not. Both rows must be locked. Of the albums the
-- feed is told here; that the two photos have changed is told by whoever calls this.
create function join_whole(of_person text, in_epoch integer, new_part text, of_whole text, as_role text, joined_at timestamptz)
returns void language plpgsql as $$
declare
  part photos;
  whole photos;
  words jsonb;
  moved record;
begin
  select * into strict part from photos where id = new_part;
  select * into strict whole from photos where id = of_whole;

  -- Whoever changes albums takes the feed first.
  perform 1 from feeds where person = of_person and epoch = in_epoch for update;
  for moved in
    with places as (
      delete from album_photos where photo = new_part returning album, added_at
    ), places_of_whole as (
      insert into album_photos (album, photo, added_at) select album, of_whole, added_at from places on conflict do nothing returning album
    )
    select 'removed' as kind, new_part as photo, album from places
    union all select 'added', of_whole, album from places_of_whole
    order by album, kind
  loop
    perform append_changes(of_person, in_epoch, moved.kind, array[moved.photo], moved.album, joined_at);
  end loop;

  -- A time and its offset from UTC are one word: of two halves nobody ever said what they make together.
  select coalesce(jsonb_object_agg(key, value), '{}') into words from jsonb_each(part.edits)
  where not whole.edits ? key
    and not (key in ('taken_at', 'taken_offset_minutes') and whole.edits ?| array['taken_at', 'taken_offset_minutes']);
  update photos set part_of = of_whole, role = as_role, trashed_at = whole.trashed_at, favourite = false,
    edits = edits - array(select jsonb_object_keys(words))
  where id = new_part;
  if words <> '{}' or part.favourite and not whole.favourite then
    update photos set favourite = favourite or part.favourite, edits = edits || words,
      -- The words are named as the columns are.
      (description, rating, taken_at, taken_offset_minutes) = (
        select said.description, said.rating, said.taken_at, said.taken_offset_minutes from jsonb_populate_record(whole, words) as said
      ),
      shown_at = coalesce((words->>'taken_at')::timestamp, shown_at)
    where id = of_whole;
  end if;
end $$;

-- library: photo, change and job, or the photo that has this content already. Content that its owner deleted comes back, unless
-- whoever sends it leaves that as it is.
-- Whoever locks several rows takes them in one order: the placement, the content, the person, the families, photos by their ids, the
-- feed. So nobody waits for one who waits for them.
create or replace function commit_original(
  of_person text, in_epoch integer, new_photo text, content bytea, content_bytes bigint, name text, from_device text,
  file_time timestamptz, commit_time timestamptz, part_of_photo text, as_role text, keep_deleted boolean,
  out photo text, out duplicate boolean, out deleted boolean
) language plpgsql as $$
declare
  known photos;
  seen_part_of text;
  whole photos;
  -- limits.partsPerPhoto
  parts_max constant integer := 64;
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
    if known.id is null and keep_deleted then
      -- What its owner threw away stays so, whatever became of its bytes. The last that came of this content tells.
      select * into known from photos
      where person = of_person and epoch = in_epoch and sha256 = content and lost and role is distinct from 'sidecar'
      order by stored_at desc, id desc limit 1;
    end if;
  end if;
  if known.id is not null or part_of_photo is not null then
    perform lock_families(of_person, in_epoch);
    seen_part_of := known.part_of;
    perform 1 from photos
    where id = any(array[known.id, known.part_of, part_of_photo]) or part_of = coalesce(known.part_of, known.id)
    order by id for no key update;
    -- As they are now: nobody changes them any more.
    select * into known from photos where id = known.id and (not lost or (keep_deleted and trashed_at is not null));
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
    if (select count(*) from photos where part_of = part_of_photo and not lost) >= parts_max then
      raise exception 'the photo has % parts', parts_max using errcode = 'PS005';
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
    -- A photo that was deleted may have had the very bytes of this sidecar: nobody has asked for that one.
    if as_role is distinct from 'sidecar' then
      update tombstones set lifted_at = commit_time
      where person = of_person and epoch = in_epoch and sha256 = content and lifted_at is null;
    end if;
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
  -- seen does not come into the trash by that; and where there are parts enough it stays what it is.
  if part_of_photo is not null and photo <> part_of_photo and whole.trashed_at is null and (
    (known.part_of is null and not exists (select from photos parts where parts.part_of = known.id))
    or (known.part_of <> part_of_photo and exists (select from photos gone where gone.id = known.part_of and gone.lost))
  ) and (select count(*) from photos parts where parts.part_of = part_of_photo and not parts.lost) < parts_max then
    perform join_whole(of_person, in_epoch, photo, part_of_photo, as_role, commit_time);
    perform append_changes(of_person, in_epoch, 'edited', array[photo, part_of_photo], null, commit_time);
  end if;
end $$;

-- Those that became parts before this have left nothing to their wholes yet: they do so now. Nobody locks photos meanwhile.
lock table photos in exclusive mode;
do $$
declare
  part photos;
begin
  for part in
    select photos.* from photos
    join placements using (person, epoch)
    join photos whole on whole.id = photos.part_of
    where placements.state = 'open'
      and (photos.favourite or photos.edits <> '{}' or exists (select from album_photos where photo = photos.id))
    order by photos.stored_at, photos.id
  loop
    perform join_whole(part.person, part.epoch, part.id, part.part_of, part.role, now());
    perform append_changes(part.person, part.epoch, 'edited', array[part.id, part.part_of], null, now());
  end loop;
end $$;
