-- The rack: what each device is, and what it does.

create table devices (
    id bigint generated always as identity,
    key text not null,
    name text not null,
    report jsonb not null,
    title text not null generated always as (report -> 'identity' ->> 'title') stored,
    os_fingerprint text not null generated always as (report -> 'identity' ->> 'os_fingerprint') stored,
    reality text not null generated always as (report ->> 'reality') stored,
    agent_version text not null,
    agent_target text not null,
    registered_at timestamptz not null,
    last_seen_at timestamptz not null,
    state text not null,
    state_since timestamptz,
    lease_id bigint,
    cooling_until timestamptz,
    reason text,
    failures integer not null,
    constraint devices_pk primary key (id),
    constraint devices_key_unique unique (key),
    constraint devices_name_unique unique (name),
    constraint devices_key_length check (length(key) between 1 and 200),
    constraint devices_name_length check (length(name) between 1 and 120),
    constraint devices_reality_known check (reality in ('real', 'emulated', 'simulated')),
    constraint devices_state_known check (state in ('idle', 'leased', 'cooling', 'quarantined', 'offline', 'retired')),
    -- A device that was quarantined at work keeps its lease until the session ends.
    constraint devices_lease_with_state check (
        case state when 'leased' then lease_id is not null when 'quarantined' then true else lease_id is null end
    ),
    constraint devices_cooling_with_state check ((state = 'cooling') = (cooling_until is not null)),
    constraint devices_since_with_state check ((state in ('quarantined', 'offline')) = (state_since is not null)),
    constraint devices_reason_with_state check ((state in ('quarantined', 'retired')) = (reason is not null)),
    constraint devices_failures_not_negative check (failures >= 0)
);
create index devices_by_silence on devices (last_seen_at) where state in ('idle', 'cooling');
create index devices_by_cooling on devices (cooling_until) where state = 'cooling';
comment on table devices is 'Phones and boards of the rack, and the state machine benchrack_lifecycle holds for each.';
comment on column devices.key is 'Identity made on the device: a digest, never a serial number.';
comment on column devices.name is 'For people; wished by the agent at its first registration.';
comment on column devices.report is 'Latest benchrack_protocol::device::DeviceReport.';
comment on column devices.last_seen_at is 'Last sign of life: registration, claim, heartbeat or report.';
comment on column devices.state_since is 'Since when it is quarantined or offline.';
comment on column devices.lease_id is 'The open lease, when leased, or when quarantined in the middle of a session.';
comment on column devices.cooling_until is 'No work before this, when cooling.';
comment on column devices.reason is 'Why it is quarantined or retired.';
comment on column devices.failures is 'Sessions in a row that failed.';
