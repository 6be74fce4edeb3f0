-- The newest runs of a model revision on a device, for comparing revisions.

drop index runs_of_model_revision;
create index runs_of_model_revision on runs (model_id, device_id, id desc);
