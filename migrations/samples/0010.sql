update devices set public_key = decode(repeat('ab', 32), 'hex'), labels = array['lab=seoul'] where name = 'idle';
insert into signed_reports (session_id, report, signature, public_key)
    select id, '{}', decode(repeat('cd', 64), 'hex'), decode(repeat('ab', 32), 'hex') from sessions;
