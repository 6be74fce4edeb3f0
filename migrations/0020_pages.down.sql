drop index series_of_metric;
drop table engine_uses;
drop table model_uses;
