-- Lost originals are few; those in the trash stay deleted.
create index photos_lost on photos (person, epoch, sha256) where lost;
-- Whose feed has waited longest for compaction is found without a look at all of them.
create index feeds_compacted on feeds (compacted_at nulls first);
