drop table rack_quarantines;
drop table rack_phones;
drop table racks;
