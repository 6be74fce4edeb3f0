-- The subjects of a round may measure their blocks in turns; which samples belong to which turn, and who had the CPU in it.

alter table sample_blocks add column turns jsonb;
comment on column sample_blocks.turns is 'Turns of the block, in the order of its samples: benchrack_protocol::report::Turn; null for one piece.';
