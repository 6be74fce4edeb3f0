-- The migration has counted the runs of before; one more, as a report adds it.
update model_uses set runs = runs + 1;
update engine_uses set runs = runs + 1, last_used_at = '2026-11-03';
