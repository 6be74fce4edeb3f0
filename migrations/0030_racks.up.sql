-- What the hosts of racks tell of their phones.

create table racks (
    host text not null,
    reported_at timestamptz not null,
    constraint racks_pk primary key (host)
);
comment on table racks is 'Hosts with phones, each as it reported last.';
comment on column racks.host is 'Name of the host, as in the label rack=HOST.';

create table rack_phones (
    id bigint generated always as identity,
    host text not null,
    phone text not null,
    model text,
    device_name text,
    phase text not null,
    since timestamptz not null,
    reason text,
    doing text,
    constraint rack_phones_pk primary key (id),
    constraint rack_phones_host_fk foreign key (host) references racks (host) on delete cascade,
    constraint rack_phones_phone_unique unique (host, phone),
    constraint rack_phones_phase_known
        check (phase in ('starting', 'working', 'drained', 'needs_person', 'recovering', 'quarantined')),
    constraint rack_phones_quarantine_has_reason check (phase <> 'quarantined' or reason is not null)
);
comment on table rack_phones is 'Phones that a host sees, also those that never registered.';
comment on column rack_phones.phone is 'What tells it apart on its rack; mostly its serial number.';
comment on column rack_phones.device_name is 'Name of its device as the host knows it; not a reference, because a host may be wrong.';
comment on column rack_phones.since is 'Since when it is in this phase.';
comment on column rack_phones.reason is 'Why it is in this phase, for people.';
comment on column rack_phones.doing is 'What its host does with it.';

create table rack_quarantines (
    id bigint generated always as identity,
    host text not null,
    phone text not null,
    reason text not null,
    began_at timestamptz not null,
    ended_at timestamptz,
    constraint rack_quarantines_pk primary key (id),
    constraint rack_quarantines_host_fk foreign key (host) references racks (host) on delete cascade,
    constraint rack_quarantines_ends_after_begin check (ended_at >= began_at)
);
create unique index rack_quarantines_open on rack_quarantines (host, phone) where ended_at is null;
create index rack_quarantines_newest on rack_quarantines (host, began_at desc);
comment on table rack_quarantines is 'When and why hosts put phones aside; a phone is put aside once at a time.';
comment on column rack_quarantines.ended_at is 'When it was let in again, or its host no longer saw it.';
