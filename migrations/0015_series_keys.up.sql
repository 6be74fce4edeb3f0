-- What figures are not to be mixed with each other: knobs that a configuration asks for, builds of one engine. And a series
-- may be asked about again while revisions are searched for the last answer.

alter table runs add column knobs text not null default '';
comment on column runs.knobs is 'Knobs that the agent''s configuration asked for by name, in order, with commas; empty for none.';

alter table series add column knobs text not null default '';
comment on column series.knobs is 'As in runs: figures with and without such a knob do not compare.';
alter table series drop constraint series_once;
alter table series add constraint series_once unique (
    device_id, model_name, precision, integer_kernels, engine, threads, cores, frequency, knobs, metric, os_fingerprint
);

alter table latest_runs add column engine_artifact_id bytea;
alter table latest_runs add column knobs text not null default '';
comment on column latest_runs.engine_artifact_id is 'The build of the engine; null for the one inside the agent.';
comment on column latest_runs.knobs is 'As in runs.';
update latest_runs set engine_artifact_id = runs.engine_artifact_id from runs where runs.id = latest_runs.run_id;
alter table latest_runs drop constraint latest_runs_pk;
alter table latest_runs add constraint latest_runs_once unique nulls not distinct (
    device_id, model_name, precision, engine, engine_artifact_id, threads, cores, frequency, knobs
);
alter table latest_runs add constraint latest_runs_engine_artifact_fk foreign key (engine_artifact_id) references artifacts (id);
-- Builds whose row another one had taken.
insert into latest_runs (device_id, model_name, precision, engine, engine_artifact_id, threads, cores, frequency, run_id, counts)
select distinct on (device_id, model_name, precision, engine, engine_artifact_id, threads, cores, frequency)
    device_id, model_name, precision, engine, engine_artifact_id, threads, cores, frequency, id,
    coalesce(validity ->> 'state' = 'valid', false)
from runs where submission_id is not null
order by device_id, model_name, precision, engine, engine_artifact_id, threads, cores, frequency,
    coalesce(validity ->> 'state' = 'valid', false) desc, id desc
on conflict on constraint latest_runs_once do nothing;

drop index suspicions_one_open_for_series;
create unique index suspicions_one_question_for_series on suspicions (series_id) where state in ('raised', 'confirming');
create index suspicions_open on suspicions (id) where closed_at is null;
