alter table devices drop constraint devices_lease_fk;
alter table jobs drop constraint jobs_lease_fk;
drop table leases;
drop table jobs;
drop table gates;
drop table submissions;
