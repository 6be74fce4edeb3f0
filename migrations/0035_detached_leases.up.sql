-- Agents that announce a silence: the power of their cable is cut for an energy session.

alter table leases add column detached_until timestamptz;
alter table leases add constraint leases_outlive_silence check (detached_until <= expires_at);
comment on column leases.detached_until is 'Its agent may be silent until then, as it said last; null when it announced nothing.';
