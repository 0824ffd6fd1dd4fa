-- Consents tell which words were answered, and one of them is to sending photos at all. Whoever added handsets before has not
-- been asked for it: they are asked now.
alter table consents add column version integer not null default 1 check (version > 0);
alter table consents alter column version drop default;
alter table consents drop constraint consents_purpose_check;
alter table consents add constraint consents_purpose_check check (purpose in ('sync', 'places'));
