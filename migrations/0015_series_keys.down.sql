drop index suspicions_open;
drop index suspicions_one_question_for_series;
-- The newest question of each series stays open.
update suspicions set state = 'undecided', reason = 'another one is newer', confirmed_by = null, gate_id = null, closed_at = raised_at
where closed_at is null and exists (select from suspicions n where n.series_id = suspicions.series_id and n.closed_at is null and n.id > suspicions.id);
create unique index suspicions_one_open_for_series on suspicions (series_id) where closed_at is null;

delete from latest_runs using latest_runs n
where (n.device_id, n.model_name, n.precision, n.engine, n.threads, n.cores, n.frequency)
        = (latest_runs.device_id, latest_runs.model_name, latest_runs.precision, latest_runs.engine, latest_runs.threads,
           latest_runs.cores, latest_runs.frequency)
    and (n.counts, n.run_id, n.ctid) > (latest_runs.counts, latest_runs.run_id, latest_runs.ctid);
alter table latest_runs drop constraint latest_runs_once;
alter table latest_runs drop column knobs;
alter table latest_runs drop column engine_artifact_id;
alter table latest_runs add constraint latest_runs_pk primary key (device_id, model_name, precision, engine, threads, cores, frequency);

-- Series that only their knobs tell apart cannot go back into one: those with knobs keep a name of their own.
update series set model_name = model_name || ' (' || knobs || ')' where knobs <> '';
alter table series drop constraint series_once;
alter table series drop column knobs;
alter table series add constraint series_once unique (
    device_id, model_name, precision, integer_kernels, engine, threads, cores, frequency, metric, os_fingerprint
);
alter table runs drop column knobs;
