drop table signed_reports;
alter table gates drop column request_text;
alter table devices drop column labels;
alter table devices drop column public_key;
