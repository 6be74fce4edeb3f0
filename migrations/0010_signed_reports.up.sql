-- Who measured: keys of agents, labels of devices, and the signed reports that a gate's receipt is made of.

alter table devices add column public_key bytea;
alter table devices add column labels text[] not null default '{}';
alter table devices add constraint devices_public_key_length check (length(public_key) = 32);
comment on column devices.public_key is 'Ed25519 key with which its agent signs; null for agents that have none.';
comment on column devices.labels is 'What its agent''s configuration calls it besides its name.';

alter table gates add column request_text text;
comment on column gates.request_text is 'The request byte for byte, as its digest in the reports of its sessions was made; null for gates of before.';

create table signed_reports (
    session_id bigint not null,
    report text not null,
    signature bytea,
    public_key bytea,
    constraint signed_reports_pk primary key (session_id),
    constraint signed_reports_session_fk foreign key (session_id) references sessions (id),
    constraint signed_reports_signature_length check (length(signature) = 64),
    constraint signed_reports_public_key_length check (length(public_key) = 32),
    constraint signed_reports_signature_has_an_owner check (signature is null or public_key is not null)
);
comment on table signed_reports is 'Reports of gates byte for byte as their agents sent and signed them; receipts are made of them.';
comment on column signed_reports.report is 'benchrack_protocol::report::SessionReport as JSON. A gate is judged by exactly this text.';
comment on column signed_reports.signature is 'The agent''s signature; null when it has no key.';
comment on column signed_reports.public_key is 'The key that the device had registered when the report came.';
