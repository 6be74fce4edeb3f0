-- Every run's first block was measured in two turns, of the second of which nothing is known.
update sample_blocks
set turns = '[{"samples": 1, "waiting_share": {"value": 0.01}}, {"samples": 1, "waiting_share": {"missing": "absent", "detail": "gone"}}]'
where nth = 0;
