insert into tokens (name, scope, secret_hash, created_at, last_used_at, revoked_at) values
    ('rack in room 4', 'agent', decode(repeat('01', 32), 'hex'), '2026-11-01', '2026-11-02', null),
    ('build server', 'submit', decode(repeat('02', 32), 'hex'), '2026-11-01', null, '2026-11-03'),
    ('me', 'admin', decode(repeat('03', 32), 'hex'), '2026-11-01', null, null);
insert into browser_sessions (token_id, secret_hash, created_at, expires_at)
    select id, decode(repeat('04', 32), 'hex'), '2026-11-01', '2026-11-08' from tokens where name = 'me';
