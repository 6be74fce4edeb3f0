-- Somebody compares revisions.
insert into saved_views (name, path, saved_at) values ('revisions of enet', '/compare?model=enet', '2026-11-04');
