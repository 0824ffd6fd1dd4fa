-- The directory of a partition: where each person's data is, and nothing else of them.
create table directory (
  person     text primary key,                  -- 128 random bits, core/ids.ts
  home       text not null,                     -- a region's id
  epoch      integer not null check (epoch > 0),
  next_epoch integer not null default 0 check (next_epoch = 0 or next_epoch > epoch)   -- of a move under way
);
