insert into artifacts (id, size, stored_at) values
    (decode(repeat('aa', 32), 'hex'), 1000, '2026-11-01'),
    (decode(repeat('bb', 32), 'hex'), 0, '2026-11-01');
insert into models (name, precision, artifact_id, manifest, revision, listed, added_at)
select name, 'fp32', decode(repeat(hex, 32), 'hex'),
    jsonb_build_object('name', name, 'precision', 'fp32', 'family', name, 'artifact', repeat(hex, 32)), 'r1', listed, '2026-11-01'
from (values ('enet', 'aa', true), ('candidate', 'bb', false)) as sample (name, hex, listed);
