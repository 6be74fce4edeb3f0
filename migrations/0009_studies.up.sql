-- Claims as experiments: which study a submission measures.

create table studies (
    id bigint generated always as identity,
    submission_id bigint not null,
    study jsonb not null,
    name text not null generated always as (study ->> 'name') stored,
    title text not null generated always as (study ->> 'title') stored,
    constraint studies_pk primary key (id),
    constraint studies_submission_fk foreign key (submission_id) references submissions (id),
    constraint studies_one_for_submission unique (submission_id)
);
create index studies_of_name on studies (name, id);
comment on table studies is 'Studies sent for measuring. Their answers are computed from the runs of the submission and never stored.';
comment on column studies.submission_id is 'The suite that measures it; its engines are those that the farm had a build of.';
comment on column studies.study is 'benchrack_protocol::study::Study as it was sent.';
comment on column studies.name is 'Its name, by which its newest report is asked for.';
comment on column studies.title is 'The question that it answers.';
