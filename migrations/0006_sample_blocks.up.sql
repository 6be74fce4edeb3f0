-- Every sample, an array for each block. By far the largest table: partitioned by month, so that old samples can be
-- dropped in one step and the indexes in use stay small.

create table sample_blocks (
    run_id bigint not null,
    measured_at timestamptz not null,
    nth integer not null,
    round integer not null,
    place integer not null,
    started_ns bigint not null,
    suspended_ns bigint not null,
    waiting_share double precision,
    waiting_missing jsonb,
    samples_ns bigint[] not null,
    constraint sample_blocks_pk primary key (run_id, nth, measured_at),
    constraint sample_blocks_run_fk foreign key (run_id) references runs (id),
    constraint sample_blocks_not_negative check (nth >= 0 and round >= 0 and place >= 0 and started_ns >= 0 and suspended_ns >= 0),
    constraint sample_blocks_one_waiting check (num_nonnulls(waiting_share, waiting_missing) = 1),
    constraint sample_blocks_have_samples check (cardinality(samples_ns) > 0)
) partition by range (measured_at);
comment on table sample_blocks is 'Blocks of a run with every latency in order.';
comment on column sample_blocks.measured_at is 'The run''s measured_at: chooses the partition.';
comment on column sample_blocks.nth is 'Place in the report''s list of blocks, from 0.';
comment on column sample_blocks.round is 'Round of the session: blocks of one round make a pair.';
comment on column sample_blocks.place is 'Place within the round.';
comment on column sample_blocks.started_ns is 'Since the session''s start, ns.';
comment on column sample_blocks.suspended_ns is 'Time the device was suspended within the block, ns.';
comment on column sample_blocks.waiting_share is 'Share of the block in which the runner waited for a CPU, 0 to 1.';
comment on column sample_blocks.waiting_missing is 'Why there is no share: benchrack_protocol::reading::Reading without a value.';
comment on column sample_blocks.samples_ns is 'Latencies, ns, CLOCK_MONOTONIC_RAW.';

create table sample_blocks_other partition of sample_blocks default;
comment on table sample_blocks_other is 'Blocks of months without a partition of their own; moved when that partition is made.';

-- Makes the partition of the month that holds this instant; true when it was not there before. Rows that had gone to
-- the default partition meanwhile are moved, because Postgres refuses a partition whose rows lie in the default one.
create function ensure_sample_partition(instant timestamptz) returns boolean
    language plpgsql
as $$
declare
    -- In UTC, or the months of two servers with different time zones would overlap.
    first_day timestamp := date_trunc('month', instant at time zone 'UTC');
    lower_bound timestamptz := first_day at time zone 'UTC';
    upper_bound timestamptz := (first_day + interval '1 month') at time zone 'UTC';
    partition text := 'sample_blocks_' || to_char(first_day, 'YYYY_MM');
begin
    -- One maker at a time; held to the end of the transaction.
    perform pg_advisory_xact_lock(hashtext('benchrack.ensure_sample_partition'));
    if to_regclass(partition) is not null then
        return false;
    end if;
    execute format('create table %I (like sample_blocks including defaults including constraints)', partition);
    execute format(
        'with moved as (delete from sample_blocks_other where measured_at >= %L and measured_at < %L returning *)
         insert into %I select * from moved',
        lower_bound, upper_bound, partition
    );
    execute format(
        'alter table sample_blocks attach partition %I for values from (%L) to (%L)', partition, lower_bound, upper_bound
    );
    return true;
end
$$;
comment on function ensure_sample_partition is 'Makes the sample partition of a month; called ahead of time by the server''s housekeeping.';
