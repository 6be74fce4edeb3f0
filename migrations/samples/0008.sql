insert into run_metrics (run_id, metric, series_id, measured_at, counts, value, low, high, level)
select run_id, 'latency_p99', null, measured_at, counts, 2.5e7, 2.1e7, 2.6e7, 0.63 from run_metrics where metric = 'latency';
