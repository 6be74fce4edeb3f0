-- What is to be measured, and who is at it.

create table submissions (
    id bigint generated always as identity,
    suite jsonb not null,
    name text not null generated always as (suite ->> 'name') stored,
    devices text not null,
    token_id bigint,
    submitted_at timestamptz not null,
    constraint submissions_pk primary key (id),
    constraint submissions_token_fk foreign key (token_id) references tokens (id)
);
comment on table submissions is 'Suites sent for measuring; each became jobs.';
comment on column submissions.suite is 'benchrack_protocol::suite::Suite.';
comment on column submissions.devices is 'Device selector as given; empty for all.';
comment on column submissions.token_id is 'Who sent it; null on a server without logins.';

create table gates (
    id bigint generated always as identity,
    request jsonb not null,
    token_id bigint,
    submitted_at timestamptz not null,
    outcome jsonb,
    decided_at timestamptz,
    constraint gates_pk primary key (id),
    constraint gates_token_fk foreign key (token_id) references tokens (id),
    constraint gates_decided_with_outcome check ((outcome is null) = (decided_at is null))
);
create index gates_undecided on gates (id) where outcome is null;
comment on table gates is 'Comparisons of a candidate with a baseline.';
comment on column gates.request is 'benchrack_protocol::api::NewGate: subjects, plan and rules.';
comment on column gates.outcome is 'benchrack_protocol::api::GateOutcome; null while jobs are open. Can be computed again from the sessions.';

create table jobs (
    id bigint generated always as identity,
    submission_id bigint,
    gate_id bigint,
    device_id bigint not null,
    title text not null,
    spec jsonb not null,
    priority integer not null,
    queued_at timestamptz not null,
    state text not null,
    attempts integer not null,
    not_before timestamptz,
    lease_id bigint,
    session_id bigint,
    failure text,
    closed_at timestamptz,
    constraint jobs_pk primary key (id),
    constraint jobs_submission_fk foreign key (submission_id) references submissions (id),
    constraint jobs_gate_fk foreign key (gate_id) references gates (id),
    constraint jobs_device_fk foreign key (device_id) references devices (id),
    constraint jobs_one_origin check (num_nonnulls(submission_id, gate_id) = 1),
    constraint jobs_state_known check (state in ('queued', 'leased', 'done', 'failed', 'cancelled')),
    constraint jobs_lease_with_state check ((state in ('leased', 'done')) = (lease_id is not null)),
    constraint jobs_session_with_state check ((state = 'done') = (session_id is not null)),
    constraint jobs_failure_with_state check ((state = 'failed') = (failure is not null)),
    constraint jobs_not_before_with_state check ((state = 'queued') = (not_before is not null)),
    constraint jobs_closed_with_state check ((state in ('done', 'failed', 'cancelled')) = (closed_at is not null)),
    constraint jobs_attempts_not_negative check (attempts >= 0)
);
create index jobs_waiting on jobs (device_id, priority desc, id) where state = 'queued';
create index jobs_of_submission on jobs (submission_id, id) where submission_id is not null;
create index jobs_of_gate on jobs (gate_id, id) where gate_id is not null;
create index jobs_open on jobs (queued_at) where state in ('queued', 'leased');
comment on table jobs is 'Sessions to be done, one device each, and the state machine benchrack_lifecycle holds for each.';
comment on column jobs.title is 'For people: its subjects.';
comment on column jobs.spec is 'benchrack_protocol::session::SessionSpec.';
comment on column jobs.priority is 'Higher goes first: somebody waits for a gate.';
comment on column jobs.attempts is 'Leases given so far.';
comment on column jobs.not_before is 'When queued: not leased before this.';
comment on column jobs.lease_id is 'The open lease, when leased; the one that reported, when done.';
comment on column jobs.session_id is 'Its one result, when done.';
comment on column jobs.failure is 'Why it was given up, when failed.';

create table leases (
    id bigint generated always as identity,
    job_id bigint not null,
    device_id bigint not null,
    secret_hash bytea not null,
    granted_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz,
    ended_as text,
    phase text,
    blocks_done integer,
    blocks_total integer,
    constraint leases_pk primary key (id),
    constraint leases_job_fk foreign key (job_id) references jobs (id),
    constraint leases_device_fk foreign key (device_id) references devices (id),
    constraint leases_secret_hash_is_sha256 check (octet_length(secret_hash) = 32),
    constraint leases_expire_after_grant check (expires_at > granted_at),
    constraint leases_ended_with_reason check ((ended_at is null) = (ended_as is null)),
    constraint leases_ended_as_known check (ended_as in ('reported', 'released', 'expired', 'cancelled')),
    constraint leases_progress_whole check (num_nonnulls(phase, blocks_done, blocks_total) in (0, 3))
);
create unique index leases_one_open_for_job on leases (job_id) where ended_at is null;
create unique index leases_one_open_for_device on leases (device_id) where ended_at is null;
create index leases_open_by_expiry on leases (expires_at) where ended_at is null;
create index leases_of_job on leases (job_id);
comment on table leases is 'One device''s right to work on one job. The ascending id fences: a later lease has a higher one.';
comment on column leases.secret_hash is 'SHA-256 of the secret that its holder sends with every request.';
comment on column leases.expires_at is 'Ends here without a heartbeat.';
comment on column leases.ended_as is 'How it ended.';
comment on column leases.phase is 'What the agent said last that it does.';

alter table jobs add constraint jobs_lease_fk foreign key (lease_id) references leases (id);
alter table devices add constraint devices_lease_fk foreign key (lease_id) references leases (id);
