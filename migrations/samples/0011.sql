insert into series_watches (series_id, last_run_id, baseline_run_id, state) select id, latest_run_id, latest_run_id, '{}' from series;
insert into series_marks (series_id, run_id, kind, detail, change, marked_at)
select id, latest_run_id, 'change', 'level', 0.05, '2026-11-02' from series;
insert into suspicions (series_id, good_run_id, bad_run_id, state, attempts, raised_at)
select id, latest_run_id, latest_run_id, 'raised', 0, '2026-11-02' from series;
insert into alerts (kind, model_id, title, state, raised_at, changed_at)
select 'regression', min(id), 'slower', 'new', '2026-11-02', '2026-11-02' from models;
insert into alerts (kind, device_id, title, state, raised_at, changed_at)
select 'device_drift', min(id), 'drifted', 'new', '2026-11-02', '2026-11-02' from devices;
insert into alert_findings (alert_id, series_id, good_run_id, bad_run_id, good_model_id, bad_model_id, suspects, found_at)
select a.id, s.id, s.latest_run_id, s.latest_run_id, a.model_id, a.model_id, 1, '2026-11-02' from alerts a, series s where a.kind = 'regression';
insert into webhook_outbox (webhook, alert_id, event, body, queued_at, next_at, attempts)
select 'chat', min(id), 'raised', '{}', '2026-11-02', '2026-11-02', 0 from alerts;
