-- Each device was quarantined once and is back, and is offline now.
insert into device_absences (device_id, state, reason, since, until)
    select id, 'quarantined', 'its control drifted', '2026-11-01', '2026-11-02' from devices
    where not exists (select from device_absences a where a.device_id = devices.id);
insert into device_absences (device_id, state, since)
    select id, 'offline', '2026-11-03' from devices
    where not exists (select from device_absences a where a.device_id = devices.id and a.until is null);
