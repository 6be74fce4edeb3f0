-- What is measured: content-addressed files, and models with their manifests.

create table artifacts (
    id bytea not null,
    size bigint not null,
    stored_at timestamptz not null,
    constraint artifacts_pk primary key (id),
    constraint artifacts_id_is_sha256 check (octet_length(id) = 32),
    constraint artifacts_size_not_negative check (size >= 0)
);
comment on table artifacts is 'Files in the artifact store; a row is written only after the bytes are there and have this digest.';
comment on column artifacts.id is 'SHA-256 of the bytes; their name in the store.';
comment on column artifacts.size is 'Bytes.';

create table models (
    id bigint generated always as identity,
    name text not null,
    precision text not null,
    artifact_id bytea not null,
    family text not null generated always as (manifest ->> 'family') stored,
    manifest jsonb not null,
    revision text not null,
    listed boolean not null,
    added_at timestamptz not null,
    constraint models_pk primary key (id),
    constraint models_artifact_fk foreign key (artifact_id) references artifacts (id),
    constraint models_once_by_file unique (name, precision, artifact_id),
    constraint models_name_length check (length(name) between 1 and 120),
    constraint models_precision_known check (precision in ('fp32', 'fp16', 'int8')),
    constraint models_manifest_agrees check (
        manifest ->> 'name' = name and manifest ->> 'precision' = precision
        and manifest ->> 'artifact' = encode(artifact_id, 'hex')
    )
);
create index models_newest on models (name, precision, added_at desc, id desc) where listed;
create index models_by_artifact on models (artifact_id);
comment on table models is 'Model revisions: one file under one name and precision.';
comment on column models.manifest is 'benchrack_protocol::model::Manifest.';
comment on column models.revision is 'Commit, version or build that made the file, as its owner says; may be empty.';
comment on column models.listed is 'False for files that only a gate has seen: suites do not measure them.';
