alter table sample_blocks drop column turns;
