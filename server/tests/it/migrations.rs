//! The schema: up and down over sample rows, and states that cannot be stored.

use std::path::Path;

use benchrack_server::db::MIGRATIONS;
use sqlx::{AssertSqlSafe, PgPool, Row};

use crate::farm::{bare_database, drop_database, pool_of};

fn sample(version: i64) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/samples");
    let file = folder.join(format!("{version:04}.sql"));
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("each migration has sample rows: {}: {error}", file.display()))
}

async fn run(pool: &PgPool, sql: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(pool).await.map(drop)
}

async fn with_samples(test: impl AsyncFnOnce(&PgPool)) {
    let database = bare_database().await;
    let pool = pool_of(&database).await;
    for migration in MIGRATIONS.iter().filter(|migration| migration.migration_type.is_up_migration()) {
        MIGRATIONS.run_to(migration.version, &pool).await.unwrap();
        run(&pool, &sample(migration.version)).await.unwrap();
    }
    test(&pool).await;
    pool.close().await;
    drop_database(&database).await;
}

#[tokio::test]
async fn every_migration_goes_up_and_down_over_rows() {
    with_samples(async |pool| {
        MIGRATIONS.undo(pool, 0).await.unwrap();
        let left = sqlx::raw_sql(
            "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where n.nspname = 'public' and c.relname not like '%sqlx_migrations%'",
        );
        assert_eq!(left.fetch_one(pool).await.unwrap().get::<i64, _>(0), 0, "nothing is left behind");
        MIGRATIONS.run(pool).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn every_table_and_constraint_is_named_and_told() {
    with_samples(async |pool| {
        let list = async |sql: &'static str| -> Vec<String> {
            sqlx::raw_sql(sql).fetch_all(pool).await.unwrap().iter().map(|row| row.get(0)).collect()
        };
        let untold = list(
            "select relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where n.nspname = 'public' and relkind in ('r', 'p') and not relispartition and relname <> '_sqlx_migrations'
                 and obj_description(c.oid, 'pg_class') is null",
        );
        assert_eq!(untold.await, Vec::<String>::new(), "tables without a comment");
        // Postgres names a constraint `table_columns_key` and so on when nobody else does; ours end otherwise.
        let unnamed = list(
            "select conname::text from pg_constraint c join pg_namespace n on n.oid = c.connamespace
             join pg_class t on t.oid = c.conrelid
             where n.nspname = 'public' and not t.relispartition and t.relname <> '_sqlx_migrations'
                 and conname ~ '_(pkey|key|fkey|check)[0-9]*$'",
        );
        assert_eq!(unnamed.await, Vec::<String>::new(), "constraints without a name of their own");
    })
    .await;
}

#[tokio::test]
async fn half_states_cannot_be_stored() {
    with_samples(async |pool| {
        for (sql, constraint) in [
            ("update devices set state = 'leased' where state = 'idle'", "devices_lease_with_state"),
            ("update devices set state = 'idle', reason = null where state = 'quarantined'", "devices_since_with_state"),
            ("update devices set reason = 'why' where state = 'idle'", "devices_reason_with_state"),
            ("update devices set state = 'asleep' where state = 'idle'", "devices_state_known"),
            ("update jobs set state = 'done', closed_at = queued_at where state = 'queued'", "jobs_lease_with_state"),
            ("update jobs set session_id = null where state = 'done'", "jobs_session_with_state"),
            ("update jobs set closed_at = null where state = 'done'", "jobs_closed_with_state"),
            ("update jobs set gate_id = (select min(id) from gates), submission_id = 1", "jobs_one_origin"),
            ("update leases set ended_as = null", "leases_ended_with_reason"),
            ("update leases set phase = null", "leases_progress_whole"),
            ("update runs set failure = '{}' where failure is null", "runs_measured_or_failed"),
            ("update runs set tier = null where failure is null", "runs_measured_or_failed"),
            ("update gates set decided_at = null where outcome is not null", "gates_decided_with_outcome"),
            ("insert into studies (submission_id, study) select submission_id, study from studies", "studies_one_for_submission"),
            ("update run_metrics set low = value + 1", "run_metrics_ordered"),
            ("update run_metrics set level = 1.5", "run_metrics_level_is_a_chance"),
            ("update series_watches set state = null", "series_watches_state_with_baseline"),
            ("update suspicions set state = 'confirming'", "suspicions_gate_with_state"),
            ("update suspicions set state = 'confirmed', closed_at = raised_at", "suspicions_confirmed_with_state"),
            ("update suspicions set closed_at = raised_at", "suspicions_closed_with_state"),
            ("update suspicions set state = 'undecided', closed_at = raised_at", "suspicions_reason_with_state"),
            (
                "insert into suspicions (series_id, good_run_id, bad_run_id, state, attempts, raised_at)
                 select series_id, good_run_id, bad_run_id, state, attempts, raised_at from suspicions",
                "suspicions_one_question_for_series",
            ),
            (
                "insert into latest_runs (device_id, model_name, precision, engine, threads, cores, frequency, run_id, counts)
                 select device_id, model_name, precision, engine, threads, cores, frequency, run_id, counts from latest_runs",
                "latest_runs_once",
            ),
            ("update alerts set state = 'confirmed'", "alerts_owner_with_state"),
            ("update alerts set state = 'ignored'", "alerts_reason_with_state"),
            ("update alerts set due_at = raised_at", "alerts_due_with_state"),
            ("update alerts set device_id = null", "alerts_of_one_thing"),
            ("update alert_findings set change = 0.1", "alert_findings_effect_whole"),
            ("update webhook_outbox set delivered_at = queued_at", "webhook_outbox_over_once"),
            ("update self_tests set more_macs = -1", "self_tests_more_not_less"),
            ("update engines set version = '2'", "engines_build_agrees"),
            ("update sample_blocks set waiting_share = null", "sample_blocks_one_waiting"),
            ("update sample_blocks set samples_ns = '{}'", "sample_blocks_have_samples"),
            ("update models set name = 'other'", "models_manifest_agrees"),
            (
                "insert into sessions (report_id, lease_id, job_id, device_id, os_fingerprint, reality, agent_version,
                     agent_target, wire_version, started_at, measured_at, duration_ns, spec)
                 select report_id, lease_id, job_id, device_id, os_fingerprint, reality, agent_version, agent_target,
                     wire_version, started_at, measured_at, duration_ns, spec from sessions",
                "sessions_report_once",
            ),
        ] {
            let error = run(pool, sql).await.expect_err(sql);
            let found = error.as_database_error().and_then(|error| error.constraint().map(str::to_owned));
            assert_eq!(found.as_deref(), Some(constraint), "{sql}: {error}");
        }
    })
    .await;
}

#[tokio::test]
async fn one_job_and_one_device_have_one_open_lease() {
    with_samples(async |pool| {
        let again = |job: &str| {
            format!(
                "insert into leases (job_id, device_id, secret_hash, granted_at, expires_at)
                 select {job}, device_id, decode(repeat('06', 32), 'hex'), '2026-11-02', '2026-11-03' from leases limit 1"
            )
        };
        run(pool, &again("job_id")).await.unwrap();
        for (job, index) in [("job_id", "leases_one_open_for_job"), ("(select min(id) from jobs)", "leases_one_open_for_device")]
        {
            let error = run(pool, &again(job)).await.expect_err(job);
            assert_eq!(error.as_database_error().unwrap().constraint(), Some(index));
        }
    })
    .await;
}

#[tokio::test]
async fn rows_that_came_before_their_months_partition_are_moved_into_it() {
    with_samples(async |pool| {
        run(pool, "update runs set measured_at = '2027-02-28 23:59:59+00'; update sample_blocks set measured_at = '2027-02-28 23:59:59+00'")
            .await
            .unwrap();
        let count = async |sql: &'static str| sqlx::raw_sql(sql).fetch_one(pool).await.unwrap().get::<i64, _>(0);
        assert_eq!(count("select count(*) from sample_blocks_other").await, 2);
        let make = "select ensure_sample_partition('2027-02-01 00:00:00+00')";
        assert!(sqlx::raw_sql(make).fetch_one(pool).await.unwrap().get::<bool, _>(0));
        assert!(!sqlx::raw_sql(make).fetch_one(pool).await.unwrap().get::<bool, _>(0), "made once");
        assert_eq!(count("select count(*) from sample_blocks_other").await, 0);
        assert_eq!(count("select count(*) from sample_blocks_2027_02").await, 2);
        assert_eq!(count("select count(*) from sample_blocks").await, 2);
    })
    .await;
}
