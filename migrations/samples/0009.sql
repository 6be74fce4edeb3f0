insert into studies (submission_id, study)
    select id, '{"name": "int8-against-fp32", "title": "Is int8 faster?"}' from submissions;
