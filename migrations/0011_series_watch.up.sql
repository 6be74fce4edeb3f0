-- Series that are watched as they grow: suspicions, what confirmed or cleared them, alerts, and whom to tell.

create table series_watches (
    series_id bigint not null,
    last_run_id bigint not null,
    baseline_run_id bigint,
    state jsonb,
    constraint series_watches_state_with_baseline check ((state is null) = (baseline_run_id is null)),
    constraint series_watches_pk primary key (series_id),
    constraint series_watches_series_fk foreign key (series_id) references series (id),
    constraint series_watches_last_run_fk foreign key (last_run_id) references runs (id),
    constraint series_watches_baseline_run_fk foreign key (baseline_run_id) references runs (id)
);
comment on table series_watches is 'What the detectors have seen of a series: the next point needs nothing else.';
comment on column series_watches.last_run_id is 'The newest run taken in, counting or not.';
comment on column series_watches.baseline_run_id is 'The run whose level is accepted: the first that counted, or the one that people said to expect.';
comment on column series_watches.state is 'benchrack_server::judge::series::SeriesState; null before the first run that counts.';

create table series_marks (
    id bigint generated always as identity,
    series_id bigint not null,
    run_id bigint not null,
    kind text not null,
    detail text not null,
    change double precision,
    marked_at timestamptz not null,
    constraint series_marks_pk primary key (id),
    constraint series_marks_once unique (series_id, run_id, kind),
    constraint series_marks_series_fk foreign key (series_id) references series (id),
    constraint series_marks_run_fk foreign key (run_id) references runs (id),
    constraint series_marks_kind_known check (
        kind in ('change', 'infrastructure', 'unexplained', 'suspected', 'cleared', 'undecided', 'confirmed', 'drift')
    )
);
comment on table series_marks is 'What the farm wrote on a series by itself: changes, and what they are not to be blamed on.';
comment on column series_marks.run_id is 'The first point of the new level, or the point at which it was noticed.';
comment on column series_marks.change is 'Change of the level as a share, where there is one: 0.05 is 5 % more.';

create table suspicions (
    id bigint generated always as identity,
    series_id bigint not null,
    good_run_id bigint not null,
    bad_run_id bigint not null,
    state text not null,
    confirmed_by bigint,
    gate_id bigint,
    attempts integer not null,
    reason text,
    search jsonb,
    raised_at timestamptz not null,
    closed_at timestamptz,
    constraint suspicions_pk primary key (id),
    constraint suspicions_series_fk foreign key (series_id) references series (id),
    constraint suspicions_good_run_fk foreign key (good_run_id) references runs (id),
    constraint suspicions_bad_run_fk foreign key (bad_run_id) references runs (id),
    constraint suspicions_confirmed_by_fk foreign key (confirmed_by) references gates (id),
    constraint suspicions_gate_fk foreign key (gate_id) references gates (id),
    constraint suspicions_attempts_not_negative check (attempts >= 0),
    constraint suspicions_state_known check (
        state in ('raised', 'confirming', 'searching', 'confirmed', 'cleared', 'undecided')
    ),
    constraint suspicions_gate_with_state check (
        case state when 'confirming' then gate_id is not null when 'searching' then true else gate_id is null end
    ),
    constraint suspicions_confirmed_with_state check (
        (state in ('searching', 'confirmed', 'cleared')) = (confirmed_by is not null)
    ),
    constraint suspicions_search_with_state check (state <> 'searching' or search is not null),
    constraint suspicions_reason_with_state check ((state = 'undecided') = (reason is not null)),
    constraint suspicions_closed_with_state check ((state in ('confirmed', 'cleared', 'undecided')) = (closed_at is not null))
);
create unique index suspicions_one_open_for_series on suspicions (series_id) where closed_at is null;
create index suspicions_of_series on suspicions (series_id, id desc);
comment on table suspicions is 'Series that perhaps got worse, and the state machine benchrack_lifecycle holds for each. Alerts nobody by itself.';
comment on column suspicions.good_run_id is 'The run of the old build.';
comment on column suspicions.bad_run_id is 'The run of the new build.';
comment on column suspicions.confirmed_by is 'The gate that compared the two.';
comment on column suspicions.gate_id is 'The gate that is being waited for.';
comment on column suspicions.attempts is 'Gates that compared the two and were inconclusive.';
comment on column suspicions.search is 'The revisions between and the chance of each: benchrack_server::judge::culprit::Culprits.';

create table alerts (
    id bigint generated always as identity,
    kind text not null,
    model_id bigint,
    engine_artifact_id bytea,
    device_id bigint,
    title text not null,
    state text not null,
    owner text,
    reason text,
    due_at timestamptz,
    raised_at timestamptz not null,
    changed_at timestamptz not null,
    constraint alerts_pk primary key (id),
    constraint alerts_model_fk foreign key (model_id) references models (id),
    constraint alerts_engine_artifact_fk foreign key (engine_artifact_id) references artifacts (id),
    constraint alerts_device_fk foreign key (device_id) references devices (id),
    constraint alerts_of_one_thing check (
        case kind when 'regression' then model_id is not null and device_id is null
            when 'device_drift' then device_id is not null and num_nonnulls(model_id, engine_artifact_id) = 0
            else false end
    ),
    constraint alerts_state_known check (state in ('new', 'confirmed', 'expected', 'fixed', 'ignored')),
    constraint alerts_owner_with_state check (case state when 'new' then owner is null when 'confirmed' then owner is not null else true end),
    constraint alerts_reason_with_state check ((state in ('expected', 'ignored')) = (reason is not null)),
    constraint alerts_due_with_state check (due_at is null or state in ('confirmed', 'ignored'))
);
create unique index alerts_once_for_revision on alerts (model_id, coalesce(engine_artifact_id, ''::bytea)) where kind = 'regression';
create unique index alerts_one_open_for_device on alerts (device_id) where kind = 'device_drift' and state in ('new', 'confirmed');
create index alerts_newest on alerts (raised_at desc, id desc);
create index alerts_ignored_until on alerts (due_at) where state = 'ignored' and due_at is not null;
comment on table alerts is 'Confirmed regressions by the revision that brought them, and drifts by device, with their triage.';
comment on column alerts.title is 'For people, in one line; of the last finding.';
comment on column alerts.due_at is 'When it should be fixed; of an ignored one, when it is new again.';

create table alert_findings (
    id bigint generated always as identity,
    alert_id bigint not null,
    series_id bigint not null,
    suspicion_id bigint,
    good_run_id bigint not null,
    bad_run_id bigint not null,
    bad_model_id bigint not null,
    good_model_id bigint not null,
    suspects integer not null,
    change double precision,
    low double precision,
    high double precision,
    gate_id bigint,
    found_at timestamptz not null,
    constraint alert_findings_pk primary key (id),
    constraint alert_findings_suspicion_once unique (suspicion_id),
    constraint alert_findings_run_once unique (series_id, bad_run_id),
    constraint alert_findings_alert_fk foreign key (alert_id) references alerts (id),
    constraint alert_findings_series_fk foreign key (series_id) references series (id),
    constraint alert_findings_suspicion_fk foreign key (suspicion_id) references suspicions (id),
    constraint alert_findings_good_run_fk foreign key (good_run_id) references runs (id),
    constraint alert_findings_bad_run_fk foreign key (bad_run_id) references runs (id),
    constraint alert_findings_good_model_fk foreign key (good_model_id) references models (id),
    constraint alert_findings_bad_model_fk foreign key (bad_model_id) references models (id),
    constraint alert_findings_gate_fk foreign key (gate_id) references gates (id),
    constraint alert_findings_suspects_positive check (suspects > 0),
    constraint alert_findings_effect_whole check (num_nonnulls(change, low, high) in (0, 3) and low <= high)
);
create index alert_findings_of_alert on alert_findings (alert_id, id);
comment on table alert_findings is 'One confirmed change of one series.';
comment on column alert_findings.good_model_id is 'The last good revision after the search.';
comment on column alert_findings.bad_model_id is 'The first slower revision after the search; need not have been measured in the series.';
comment on column alert_findings.suspects is 'Revisions that may be the culprit: 1 when the search ended with one.';
comment on column alert_findings.change is 'Change as a share: 0.05 is 5 % more.';

create table webhook_outbox (
    id bigint generated always as identity,
    webhook text not null,
    alert_id bigint not null,
    event text not null,
    body jsonb not null,
    queued_at timestamptz not null,
    next_at timestamptz,
    attempts integer not null,
    failure text,
    delivered_at timestamptz,
    constraint webhook_outbox_pk primary key (id),
    constraint webhook_outbox_alert_fk foreign key (alert_id) references alerts (id),
    constraint webhook_outbox_attempts_not_negative check (attempts >= 0),
    constraint webhook_outbox_over_once check (delivered_at is null or next_at is null)
);
create index webhook_outbox_due on webhook_outbox (next_at) where next_at is not null;
create index webhook_outbox_of_alert on webhook_outbox (alert_id, id);
comment on table webhook_outbox is 'What is to be told to whom, written with what it tells and delivered until it is taken.';
comment on column webhook_outbox.webhook is 'Name in the configuration.';
comment on column webhook_outbox.body is 'The request''s body.';
comment on column webhook_outbox.next_at is 'Not tried before this; null when delivered or given up.';
comment on column webhook_outbox.failure is 'What the last attempt failed of.';
