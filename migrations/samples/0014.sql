insert into self_tests (gate_id, device_id, baseline, candidate, more_macs, opened_at)
select g.id, d.id, 'enet', 'enet', 0, '2026-11-02' from (select min(id) as id from gates) g, (select min(id) as id from devices) d;
