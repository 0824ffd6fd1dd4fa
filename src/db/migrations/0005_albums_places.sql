-- library: an album is counted and paged from an index of its own, whatever else its owner has; and places are found by being there.

-- Nobody changes photos until these are in step with them.
lock table photos in share row exclusive mode;

-- What orders a member and says whether it can be seen stands with it, as its photo has it.
alter table album_photos
  add column shown_at timestamp,
  add column hidden boolean not null default false; -- in the trash, or a part of another photo
update album_photos
set shown_at = photos.shown_at, hidden = photos.part_of is not null or photos.trashed_at is not null
from photos where photos.id = album_photos.photo;
alter table album_photos alter column shown_at set not null;
create index album_photos_shown on album_photos (album, shown_at desc, photo desc) where not hidden;
-- A twentieth of that one, to count by.
create index album_photos_counted on album_photos (album) where not hidden;

-- A member that comes without them gets them from its photo, which stays as it is until the commit.
create function describe_member() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' or new.shown_at is null then
    select shown_at, part_of is not null or trashed_at is not null into new.shown_at, new.hidden
    from photos where id = new.photo for share;
  end if;
  return new;
end $$;
create trigger album_photos_described before insert or update of photo on album_photos
for each row execute function describe_member();

-- The feed is locked before the members, as whoever changes an album does: so nobody waits for one who waits for them.
create function describe_members() returns trigger language plpgsql as $$
begin
  if exists (select from album_photos where photo = new.id) then
    perform 1 from feeds where person = new.person and epoch = new.epoch for update;
    update album_photos set shown_at = new.shown_at, hidden = new.part_of is not null or new.trashed_at is not null
    where photo = new.id;
  end if;
  return null;
end $$;
create trigger photos_describe_members after update of shown_at, part_of, trashed_at on photos
for each row when (old.shown_at <> new.shown_at
  or (old.part_of is null and old.trashed_at is null) <> (new.part_of is null and new.trashed_at is null))
execute function describe_members();

-- In the order of ids, in which everybody locks photos. See library/places-sql.ts.
create index photos_placed on photos (person, epoch, id) where latitude is not null;
