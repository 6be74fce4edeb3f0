drop table webhook_outbox;
drop table alert_findings;
drop table alerts;
drop table suspicions;
drop table series_marks;
drop table series_watches;
