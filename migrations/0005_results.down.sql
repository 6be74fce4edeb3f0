drop table latest_runs;
drop table run_metrics;
drop table series;
drop table runs;
alter table jobs drop constraint jobs_session_fk;
drop table sessions;
