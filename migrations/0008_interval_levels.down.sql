alter table run_metrics drop constraint run_metrics_level_is_a_chance;
alter table run_metrics drop column level;
comment on column run_metrics.low is 'Lower end of the 95 % interval; equal to the value for exact figures.';
