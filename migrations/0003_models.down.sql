drop table models;
drop table artifacts;
