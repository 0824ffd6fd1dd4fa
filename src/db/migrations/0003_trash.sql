-- trash: what is here is nothing that its owner has deleted. Where a damaged original was deleted after its content had come again, the
-- tombstone said otherwise, and would have kept the content away had it been damaged once more.
update tombstones set lifted_at = deleted_at
where lifted_at is null and exists (
  select from photos
  where photos.person = tombstones.person and photos.epoch = tombstones.epoch and photos.sha256 = tombstones.sha256 and not lost
    and role is distinct from 'sidecar'
);
