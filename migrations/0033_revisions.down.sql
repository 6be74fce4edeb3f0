drop index runs_of_model_revision;
create index runs_of_model_revision on runs (model_id);
