-- How sure an interval is, where there were too few samples for 95 %.

alter table run_metrics add column level double precision;
alter table run_metrics add constraint run_metrics_level_is_a_chance check (level >= 0 and level < 1);
comment on column run_metrics.level is 'Chance with which the interval holds the true value where it is less than 95 %; null for 95 % and for exact figures.';
comment on column run_metrics.low is 'Lower end of the interval, of 95 % unless level says less; equal to the value for exact figures.';
