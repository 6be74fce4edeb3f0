insert into submissions (suite, devices, token_id, submitted_at)
    select '{"name": "starter"}', '', id, '2026-11-02' from tokens where name = 'me';
insert into gates (request, submitted_at, outcome, decided_at) values
    ('{}', '2026-11-02', null, null), ('{}', '2026-11-02', '{"verdict": "slower"}', '2026-11-03');
insert into jobs (submission_id, device_id, title, spec, priority, queued_at, state, attempts, not_before, failure, closed_at)
select s.id, d.id, 'enet fp32', '{}', 0, '2026-11-02', sample.state, sample.attempts, sample.not_before::timestamptz,
    sample.failure, sample.closed_at::timestamptz
from submissions s, devices d, (values
    ('queued', 0, '2026-11-02', null, null),
    ('failed', 3, null, 'the agent fell silent', '2026-11-03'),
    ('cancelled', 0, null, null, '2026-11-03')
) as sample (state, attempts, not_before, failure, closed_at)
where d.key = 'idle';
-- One at work, with its device.
insert into jobs (gate_id, device_id, title, spec, priority, queued_at, state, attempts, not_before)
    select g.id, d.id, 'gate', '{}', 10, '2026-11-02', 'queued', 0, '2026-11-02'
    from gates g, devices d where g.outcome is null and d.key = 'idle';
insert into leases (job_id, device_id, secret_hash, granted_at, expires_at, phase, blocks_done, blocks_total)
    select id, device_id, decode(repeat('05', 32), 'hex'), '2026-11-02', '2026-11-03', 'warming up', 1, 20
    from jobs where title = 'gate';
update jobs set state = 'leased', not_before = null, attempts = 1, lease_id = l.id from leases l where l.job_id = jobs.id;
update devices set state = 'leased', lease_id = l.id from leases l where l.device_id = devices.id;
