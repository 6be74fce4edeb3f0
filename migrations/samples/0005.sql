-- The leased job reports: one run measured, one failed.
insert into sessions (report_id, lease_id, job_id, device_id, os_fingerprint, reality, agent_version, agent_target,
    wire_version, started_at, measured_at, duration_ns, spec, evidence)
select '11111111-1111-4111-8111-111111111111', id, job_id, device_id, 'os/1', 'real', '0.1.0', 'aarch64-linux-android', 1,
    '1970-01-01', '2026-11-02 12:00+00', 12000000000, '{}', '{}' from leases;
insert into runs (session_id, place, device_id, model_id, label, model_name, precision, artifact_id, engine, engine_version,
    threads, cores, frequency, measured_at, reality, validity, tier, failure, measurement)
select s.id, sample.place, s.device_id, m.id, 'enet', m.name, m.precision, m.artifact_id, 'tract', sample.version, 1, 'all',
    'unpinned', s.measured_at, 'real', sample.validity::jsonb, sample.tier, sample.failure::jsonb, sample.measurement::jsonb
from sessions s, models m, (values
    (0, '0.23.9', '{"state": "valid"}', 'bronze', null, '{}'),
    (1, null, null, null, '{"reason": "runner_died", "detail": "signal 11"}', null)
) as sample (place, version, validity, tier, failure, measurement)
where m.name = 'enet';
insert into series (device_id, os_fingerprint, model_name, precision, integer_kernels, engine, threads, cores, frequency,
    metric, points, latest_run_id, latest_at)
select device_id, 'os/1', model_name, precision, 'none', engine, threads, cores, frequency, 'latency', 1, id, measured_at
from runs where failure is null;
insert into run_metrics (run_id, metric, series_id, measured_at, counts, value, low, high)
select r.id, metric, s.id, r.measured_at, true, 2e7, 1.9e7, 2.1e7
from runs r join series s on s.latest_run_id = r.id;
insert into latest_runs (device_id, model_name, precision, engine, threads, cores, frequency, run_id, counts)
select device_id, model_name, precision, engine, threads, cores, frequency, id, true from runs where failure is null;
update jobs set state = 'done', session_id = s.id, closed_at = s.measured_at from sessions s where s.job_id = jobs.id;
update leases set ended_at = s.measured_at, ended_as = 'reported' from sessions s where s.lease_id = leases.id;
update devices set state = 'idle', lease_id = null where state = 'leased';
