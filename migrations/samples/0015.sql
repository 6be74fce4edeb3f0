-- Another build of the same engine, with a knob that was asked for, is a run, a series and a newest run of its own.
insert into latest_runs (device_id, model_name, precision, engine, engine_artifact_id, threads, cores, frequency, knobs, run_id, counts)
select device_id, model_name, precision, engine, artifact_id, threads, cores, frequency, 'cpuidle', id, true from runs where failure is null;
update runs set knobs = 'cpuidle' where failure is null;
insert into series (device_id, os_fingerprint, model_name, precision, integer_kernels, engine, threads, cores, frequency, knobs,
    metric, points, latest_run_id, latest_at)
select device_id, os_fingerprint, model_name, precision, integer_kernels, engine, threads, cores, frequency, 'cpuidle',
    metric, points, latest_run_id, latest_at from series where knobs = '';
