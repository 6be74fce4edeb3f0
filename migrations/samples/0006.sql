select ensure_sample_partition('2026-11-02');
insert into sample_blocks (run_id, measured_at, nth, round, place, started_ns, suspended_ns, waiting_share, waiting_missing,
    samples_ns)
select id, measured_at, sample.nth, sample.nth, 0, sample.nth * 1000000000, 0, sample.share, sample.missing::jsonb,
    '{20000000,20100000}'
from runs, (values (0, 0.01, null), (1, null, '{"missing": "absent"}')) as sample (nth, share, missing)
where failure is null;
