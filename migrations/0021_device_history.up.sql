-- When devices took no work, and what pages of devices look up.

create table device_absences (
    id bigint generated always as identity,
    device_id bigint not null,
    state text not null,
    reason text,
    since timestamptz not null,
    until timestamptz,
    constraint device_absences_pk primary key (id),
    constraint device_absences_device_fk foreign key (device_id) references devices (id),
    constraint device_absences_state_known check (state in ('quarantined', 'offline', 'retired')),
    constraint device_absences_reason_with_state check ((state = 'offline') = (reason is null)),
    constraint device_absences_end_after_beginning check (until >= since)
);
create unique index device_absences_one_open on device_absences (device_id) where until is null;
create index device_absences_of_device on device_absences (device_id, id desc);
comment on table device_absences is 'Times in which a device took no work; written with each change of its state.';
comment on column device_absences.reason is 'As in devices.';
comment on column device_absences.until is 'Null while it lasts.';

insert into device_absences (device_id, state, reason, since)
    select id, state, reason, coalesce(state_since, last_seen_at) from devices where state in ('quarantined', 'offline', 'retired');

create index runs_of_control on runs (device_id, id desc) where label = 'control';
create index runs_sustained on runs (device_id, id desc) where measurement ? 'sustained';
create index series_of_device on series (device_id, metric, latest_at desc, id desc);
