alter table leases drop column detached_until;
