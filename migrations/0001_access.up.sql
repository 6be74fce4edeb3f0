-- Who may do what: bearer tokens, and the browser sessions made from them.

create table tokens (
    id bigint generated always as identity,
    name text not null,
    scope text not null,
    secret_hash bytea not null,
    created_at timestamptz not null,
    last_used_at timestamptz,
    revoked_at timestamptz,
    constraint tokens_pk primary key (id),
    constraint tokens_secret_hash_unique unique (secret_hash),
    constraint tokens_name_length check (length(name) between 1 and 200),
    constraint tokens_scope_known check (scope in ('agent', 'submit', 'read', 'admin')),
    constraint tokens_secret_hash_is_sha256 check (octet_length(secret_hash) = 32)
);
comment on table tokens is 'Bearer tokens. The secret itself is shown once and never stored.';
comment on column tokens.name is 'For people: what or who uses it.';
comment on column tokens.scope is 'What it allows: agent, submit (and read), read, admin (everything).';
comment on column tokens.secret_hash is 'SHA-256 of the secret; secrets carry 244 random bits, so that no slow hash is needed.';
comment on column tokens.last_used_at is 'Kept to the minute, so that reading does not write on every request.';
comment on column tokens.revoked_at is 'From then on it is refused; the row stays as a record.';

create table browser_sessions (
    id bigint generated always as identity,
    token_id bigint not null,
    secret_hash bytea not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    constraint browser_sessions_pk primary key (id),
    constraint browser_sessions_token_fk foreign key (token_id) references tokens (id),
    constraint browser_sessions_secret_hash_unique unique (secret_hash),
    constraint browser_sessions_secret_hash_is_sha256 check (octet_length(secret_hash) = 32),
    constraint browser_sessions_expire_after_creation check (expires_at > created_at)
);
create index browser_sessions_by_expiry on browser_sessions (expires_at);
create index browser_sessions_by_token on browser_sessions (token_id);
comment on table browser_sessions is 'A person logged in with a token; the cookie''s secret allows what the token allows while both live.';
comment on column browser_sessions.secret_hash is 'SHA-256 of the cookie''s value.';
