-- Views that people keep under a name.

create table saved_views (
    id bigint generated always as identity,
    name text not null,
    path text not null,
    token_id bigint,
    saved_at timestamptz not null,
    constraint saved_views_pk primary key (id),
    constraint saved_views_name_unique unique (name),
    constraint saved_views_token_fk foreign key (token_id) references tokens (id),
    constraint saved_views_name_length check (length(name) between 1 and 100),
    constraint saved_views_path_of_this_server check (path like '/%' and path not like '//%')
);
comment on table saved_views is 'Addresses of pages that the farm''s people keep under a name.';
comment on column saved_views.path is 'Path and query, from the first slash.';
comment on column saved_views.token_id is 'Who saved it; null on an open server.';
