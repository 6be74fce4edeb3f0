insert into devices (key, name, report, agent_version, agent_target, registered_at, last_seen_at, state, state_since,
    cooling_until, reason, failures)
select key, key, jsonb_build_object('identity', jsonb_build_object('title', 'Phone ' || key, 'os_fingerprint', 'os/1'),
    'reality', 'real'), '0.1.0', 'aarch64-linux-android', '2026-11-01', '2026-11-02', state, since::timestamptz,
    until::timestamptz, reason, failures
from (values
    ('idle', 'idle', null, null, null, 0),
    ('cooling', 'cooling', null, '2026-11-03', null, 1),
    ('quarantined', 'quarantined', '2026-11-02', null, '5 failed sessions in a row', 5),
    ('offline', 'offline', '2026-11-02', null, null, 0),
    ('retired', 'retired', null, null, 'broken display', 0)
) as sample (key, state, since, until, reason, failures);
