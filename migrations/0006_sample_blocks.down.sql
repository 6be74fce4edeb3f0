drop function ensure_sample_partition;
drop table sample_blocks;
