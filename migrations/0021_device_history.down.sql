drop index series_of_device;
drop index runs_sustained;
drop index runs_of_control;
drop table device_absences;
