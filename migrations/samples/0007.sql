insert into artifacts (id, size, stored_at) values (decode(repeat('cc', 32), 'hex'), 22000000, '2026-11-02');
insert into engines (name, version, target, artifact_id, build, added_at)
select 'onnxruntime', '1.32.0', 'aarch64-linux-gnu', decode(repeat('cc', 32), 'hex'),
    jsonb_build_object('engine', jsonb_build_object('name', 'onnxruntime', 'build', repeat('cc', 32)), 'version', '1.32.0',
        'target', 'aarch64-linux-gnu', 'licence', 'MIT', 'size', 22000000, 'installed_size', 22000000, 'origin', 'by hand'),
    '2026-11-02';
update runs set engine_artifact_id = decode(repeat('cc', 32), 'hex') where failure is not null;
