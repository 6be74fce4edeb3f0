-- What pages count and sort by, so that no page reads more rows as the history grows.

create table model_uses (
    model_id bigint not null,
    device_id bigint not null,
    runs bigint not null,
    constraint model_uses_pk primary key (model_id, device_id),
    constraint model_uses_model_fk foreign key (model_id) references models (id),
    constraint model_uses_device_fk foreign key (device_id) references devices (id),
    constraint model_uses_runs_positive check (runs > 0)
);
comment on table model_uses is 'How many runs a model revision has on each device: a rollup for the list of models. By device, because one device stores one report at a time, so that reports of several never wait for each other here.';

create table engine_uses (
    artifact_id bytea not null,
    engine text not null,
    device_id bigint not null,
    runs bigint not null,
    last_used_at timestamptz not null,
    constraint engine_uses_pk primary key (artifact_id, engine, device_id),
    constraint engine_uses_artifact_fk foreign key (artifact_id) references artifacts (id),
    constraint engine_uses_device_fk foreign key (device_id) references devices (id),
    constraint engine_uses_runs_positive check (runs > 0)
);
comment on table engine_uses is 'How many runs a build of an engine has on each device, and when the last was: a rollup for the list of engines.';
comment on column engine_uses.engine is 'Name as asked for.';

insert into model_uses (model_id, device_id, runs) select model_id, device_id, count(*) from runs group by model_id, device_id;
insert into engine_uses (artifact_id, engine, device_id, runs, last_used_at)
    select engine_artifact_id, engine, device_id, count(*), max(measured_at)
    from runs where engine_artifact_id is not null group by engine_artifact_id, engine, device_id;

create index series_of_metric on series (metric, latest_at desc, id desc);
