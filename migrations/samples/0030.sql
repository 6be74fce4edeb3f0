insert into racks (host, reported_at) values ('lab-4', '2026-11-02 10:00');
insert into rack_phones (host, phone, model, device_name, phase, since, reason, doing) values
    ('lab-4', 'R58M123', 'Pixel_8', 'pixel-8', 'working', '2026-11-02 09:00', null, null),
    ('lab-4', '0a388e93', null, null, 'quarantined', '2026-11-02 09:30', 'offline; tried reconnecting', 'reconnecting');
insert into rack_quarantines (host, phone, reason, began_at, ended_at) values
    ('lab-4', '0a388e93', 'offline; tried reconnecting', '2026-11-02 09:30', null),
    ('lab-4', '0a388e93', 'a reboot loop', '2026-11-01 09:30', '2026-11-01 10:30');
