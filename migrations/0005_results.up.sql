-- What came out: sessions, their runs, and the figures that pages read.

create table sessions (
    id bigint generated always as identity,
    report_id uuid not null,
    lease_id bigint not null,
    job_id bigint not null,
    device_id bigint not null,
    os_fingerprint text not null,
    reality text not null,
    agent_version text not null,
    agent_target text not null,
    wire_version integer not null,
    started_at timestamptz not null,
    measured_at timestamptz not null,
    duration_ns bigint not null,
    spec jsonb not null,
    evidence jsonb,
    constraint sessions_pk primary key (id),
    constraint sessions_report_once unique (report_id),
    constraint sessions_lease_once unique (lease_id),
    constraint sessions_job_once unique (job_id),
    constraint sessions_lease_fk foreign key (lease_id) references leases (id),
    constraint sessions_job_fk foreign key (job_id) references jobs (id),
    constraint sessions_device_fk foreign key (device_id) references devices (id),
    constraint sessions_reality_known check (reality in ('real', 'emulated', 'simulated')),
    constraint sessions_duration_not_negative check (duration_ns >= 0)
);
create index sessions_newest on sessions (measured_at desc, id desc);
create index sessions_of_device on sessions (device_id, id desc);
comment on table sessions is 'What one lease measured: one report, stored once.';
comment on column sessions.report_id is 'Made on the device; a report sent twice is known by it.';
comment on column sessions.started_at is 'The device''s wall clock; may be wrong.';
comment on column sessions.measured_at is 'The server''s clock when the report came.';
comment on column sessions.duration_ns is 'Whole session, ns.';
comment on column sessions.spec is 'What was asked, as the agent understood it: benchrack_protocol::session::SessionSpec.';
comment on column sessions.evidence is 'benchrack_protocol::evidence::SessionEvidence; null when it failed before it began.';

alter table jobs add constraint jobs_session_fk foreign key (session_id) references sessions (id);

create table runs (
    id bigint generated always as identity,
    session_id bigint not null,
    place integer not null,
    device_id bigint not null,
    submission_id bigint,
    model_id bigint not null,
    label text not null,
    model_name text not null,
    precision text not null,
    artifact_id bytea not null,
    engine text not null,
    engine_version text,
    threads integer not null,
    cores text not null,
    frequency text not null,
    measured_at timestamptz not null,
    reality text not null,
    validity jsonb,
    tier text,
    failure jsonb,
    measurement jsonb,
    constraint runs_pk primary key (id),
    constraint runs_place_once unique (session_id, place),
    constraint runs_session_fk foreign key (session_id) references sessions (id),
    constraint runs_device_fk foreign key (device_id) references devices (id),
    constraint runs_submission_fk foreign key (submission_id) references submissions (id),
    constraint runs_model_fk foreign key (model_id) references models (id),
    constraint runs_artifact_fk foreign key (artifact_id) references artifacts (id),
    constraint runs_precision_known check (precision in ('fp32', 'fp16', 'int8')),
    constraint runs_reality_known check (reality in ('real', 'emulated', 'simulated')),
    constraint runs_threads_positive check (threads > 0),
    constraint runs_tier_known check (tier in ('bronze', 'silver', 'gold')),
    -- Measured with a judgement, or failed with a reason; nothing between.
    constraint runs_measured_or_failed check (
        (failure is null and num_nonnulls(validity, tier, measurement, engine_version) = 4)
        or (failure is not null and num_nonnulls(validity, tier, measurement, engine_version) = 0)
    ),
    constraint runs_validity_known check (validity ->> 'state' in ('valid', 'degraded', 'invalid'))
);
create index runs_newest on runs (measured_at desc, id desc);
create index runs_of_device on runs (device_id, id desc);
create index runs_of_model on runs (model_name, precision, id desc);
create index runs_of_model_revision on runs (model_id);
create index runs_of_submission on runs (submission_id, id desc) where submission_id is not null;
create index runs_in_doubt on runs (measured_at desc) where failure is not null or validity ->> 'state' <> 'valid';
comment on table runs is 'What one subject got in one session.';
comment on column runs.place is 'Place of the subject in the session''s list, from 0.';
comment on column runs.submission_id is 'Copied from the job, for lists; null for a gate''s runs.';
comment on column runs.precision is 'Of the file.';
comment on column runs.engine is 'Name as asked for.';
comment on column runs.engine_version is 'As the engine says; null when it failed.';
comment on column runs.validity is 'benchrack_protocol::validity::Validity; null when it failed.';
comment on column runs.tier is 'Strength of the proof; null when it failed.';
comment on column runs.failure is 'benchrack_protocol::report::Failure; null when it was measured.';
comment on column runs.measurement is 'benchrack_protocol::report::Measurement without its blocks, which are rows of sample_blocks.';

create table series (
    id bigint generated always as identity,
    device_id bigint not null,
    os_fingerprint text not null,
    model_name text not null,
    precision text not null,
    integer_kernels text not null,
    engine text not null,
    threads integer not null,
    cores text not null,
    frequency text not null,
    metric text not null,
    points bigint not null,
    latest_run_id bigint not null,
    latest_at timestamptz not null,
    constraint series_pk primary key (id),
    constraint series_once unique (
        device_id, model_name, precision, integer_kernels, engine, threads, cores, frequency, metric, os_fingerprint
    ),
    constraint series_device_fk foreign key (device_id) references devices (id),
    constraint series_latest_run_fk foreign key (latest_run_id) references runs (id),
    constraint series_precision_known check (precision in ('fp32', 'fp16', 'int8')),
    constraint series_integer_kernels_known check (integer_kernels in ('all', 'dense_only', 'none')),
    constraint series_points_positive check (points > 0)
);
create index series_latest on series (latest_at desc, id desc);
create index series_of_model on series (model_name, precision, metric);
comment on table series is 'One line of points over revisions: same device, system, model name, precision as executed, engine, operating point, metric.';
comment on column series.precision is 'Of the file; together with integer_kernels the precision as executed.';
comment on column series.integer_kernels is 'How much ran in integer kernels, as the engine says.';
comment on column series.points is 'Number of points, counting or not: a rollup for lists.';
comment on column series.latest_run_id is 'Run of the newest point: a rollup for lists.';
comment on column series.latest_at is 'When that came.';

create table run_metrics (
    run_id bigint not null,
    metric text not null,
    series_id bigint,
    measured_at timestamptz not null,
    counts boolean not null,
    value double precision not null,
    low double precision not null,
    high double precision not null,
    constraint run_metrics_pk primary key (run_id, metric),
    constraint run_metrics_run_fk foreign key (run_id) references runs (id),
    constraint run_metrics_series_fk foreign key (series_id) references series (id),
    constraint run_metrics_ordered check (low <= value and value <= high)
);
create index run_metrics_of_series on run_metrics (series_id, measured_at desc, run_id desc) include (value, counts)
    where series_id is not null;
comment on table run_metrics is 'Figures of a run, summarised by the server from its samples.';
comment on column run_metrics.metric is 'Name of benchrack_protocol::api::Metric; its unit goes with it.';
comment on column run_metrics.series_id is 'The series this is a point of; null for a gate''s runs, which are no revisions.';
comment on column run_metrics.counts is 'Whether the run is valid: only such points move a series.';
comment on column run_metrics.low is 'Lower end of the 95 % interval; equal to the value for exact figures.';
comment on column run_metrics.high is 'Upper end.';

create table latest_runs (
    device_id bigint not null,
    model_name text not null,
    precision text not null,
    engine text not null,
    threads integer not null,
    cores text not null,
    frequency text not null,
    run_id bigint not null,
    counts boolean not null,
    constraint latest_runs_pk primary key (device_id, model_name, precision, engine, threads, cores, frequency),
    constraint latest_runs_device_fk foreign key (device_id) references devices (id),
    constraint latest_runs_run_fk foreign key (run_id) references runs (id)
);
create index latest_runs_by_run on latest_runs (run_id);
comment on table latest_runs is 'The newest valid run of each subject on each device, or its newest of any kind where none is valid: a rollup for comparisons.';
comment on column latest_runs.counts is 'Whether that run is valid.';
