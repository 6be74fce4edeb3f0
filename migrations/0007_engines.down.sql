alter table runs drop constraint runs_engine_artifact_fk;
drop index runs_of_engine_build;
alter table runs drop column engine_artifact_id;
drop table engines;
