-- Engines other than the one inside every agent: libraries and programs, content-addressed like models.

create table engines (
    id bigint generated always as identity,
    name text not null,
    version text not null,
    target text not null,
    artifact_id bytea not null,
    build jsonb not null,
    added_at timestamptz not null,
    constraint engines_pk primary key (id),
    constraint engines_artifact_fk foreign key (artifact_id) references artifacts (id),
    constraint engines_once_by_file unique (name, artifact_id),
    constraint engines_name_length check (length(name) between 1 and 60),
    constraint engines_version_length check (length(version) between 1 and 60),
    constraint engines_target_length check (length(target) between 1 and 60),
    constraint engines_build_agrees check (
        build #>> '{engine,name}' = name and build #>> '{engine,build}' = encode(artifact_id, 'hex')
        and build ->> 'version' = version and build ->> 'target' = target
    )
);
create index engines_newest on engines (name, target, added_at desc, id desc);
create index engines_by_artifact on engines (artifact_id);
comment on table engines is 'Builds of inference engines: one library, program or archive under one name.';
comment on column engines.name is 'What suites name: onnxruntime.';
comment on column engines.version is 'As its makers number it: 1.32.0.';
comment on column engines.target is 'What it runs on: architecture, system and C library, as agents tell theirs.';
comment on column engines.build is 'benchrack_protocol::engine::EngineBuild.';

alter table runs add column engine_artifact_id bytea;
alter table runs add constraint runs_engine_artifact_fk foreign key (engine_artifact_id) references artifacts (id);
create index runs_of_engine_build on runs (engine_artifact_id) where engine_artifact_id is not null;
comment on column runs.engine_artifact_id is 'The build of the engine; null for the one inside the agent. With engine_version the engine''s part of a revision.';
