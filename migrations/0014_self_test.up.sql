-- The farm tests itself: subjects against themselves, and planted slow-downs.

create table self_tests (
    gate_id bigint not null,
    device_id bigint not null,
    baseline text not null,
    candidate text not null,
    more_macs double precision not null,
    opened_at timestamptz not null,
    constraint self_tests_pk primary key (gate_id),
    constraint self_tests_gate_fk foreign key (gate_id) references gates (id),
    constraint self_tests_device_fk foreign key (device_id) references devices (id),
    constraint self_tests_more_not_less check (more_macs >= 0)
);
create index self_tests_newest on self_tests (device_id, baseline, candidate, opened_at desc);
comment on table self_tests is 'Gates that the farm opened to learn how often it is wrong, and what it would catch.';
comment on column self_tests.baseline is 'Model''s name.';
comment on column self_tests.candidate is 'Model''s name; the same when an unchanged subject is measured against itself.';
comment on column self_tests.more_macs is 'Multiplications that the candidate has more, as a share; 0 when unchanged.';
