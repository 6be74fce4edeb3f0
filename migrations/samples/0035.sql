-- The one at work has announced that it may be silent.
update leases set detached_until = '2026-11-02 12:00' where ended_at is null;
