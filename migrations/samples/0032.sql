insert into saved_views (name, path, saved_at) values ('int8 on the bench', '/compare?precision=int8', '2026-11-03');
