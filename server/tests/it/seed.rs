//! A made-up history: its rows hold together, and pages read no more of a long one than of a short one.

use std::collections::BTreeMap;

use axum::http::Method;
use benchrack_protocol::api::Scope;
use benchrack_server::seed::{SeedDevice, SeedError, SeedModel, SeedPlan, seed};
use sqlx::Row;

use crate::farm::{Farm, Options, START, with_farm, with_options};
use crate::sample::device_report;

/// Subjects that a round of [`plan`] measures: two models in two precisions on two engines, on two devices.
const ROUND: u64 = 16;
/// Tables that grow with every run; the blocks of samples are partitions of one more.
const BIG: [&str; 6] = ["runs", "run_metrics", "sessions", "jobs", "leases", "sample_blocks"];

pub fn plan(rounds: u64) -> SeedPlan {
    let device = |name: &str| SeedDevice { name: name.into(), report: device_report(name) };
    let model = |name: &str, macs| SeedModel { name: name.into(), family: "net".into(), parameters: 1_000_000, macs };
    SeedPlan {
        runs: rounds * ROUND,
        whole: 4 * ROUND,
        seed: 7,
        devices: vec![device("one"), device("two")],
        models: vec![model("small", 100_000_000), model("large", 900_000_000)],
        until: START,
    }
}

async fn seeded(farm: &Farm, rounds: u64) -> benchrack_server::seed::Seeded {
    seed(farm.app.db(), &plan(rounds), &|_, _| {}).await.unwrap()
}

#[tokio::test]
async fn a_made_up_history_breaks_no_reference_and_its_rollups_are_what_reports_would_have_left() {
    with_farm(async |farm| {
        let made = seeded(farm, 100).await;
        // 400 sessions of the nightly suite, and two models at five clocks of two clusters on two devices.
        assert_eq!((made.devices, made.sessions, made.runs), (2, 440, 1760));
        assert!(made.alerts > 0, "a history without a slow-down shows nothing");
        // Copied while the database did not look: looked at here, reference by reference.
        let references = sqlx::raw_sql(
            "select c.conname::text, format('select count(*) from %s c where c.%I is not null and not exists
                 (select from %s p where p.%I = c.%I)', c.conrelid::regclass, a.attname, c.confrelid::regclass, f.attname, a.attname)
             from pg_constraint c
             join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
             join pg_attribute f on f.attrelid = c.confrelid and f.attnum = c.confkey[1]
             where c.contype = 'f'",
        );
        let references = references.fetch_all(&farm.pool).await.unwrap();
        assert!(references.len() > 30);
        for reference in references {
            let (name, count): (String, String) = (reference.get(0), reference.get(1));
            assert_eq!(farm.scalar(&count).await, 0, "{name}");
        }
        for (what, wrong) in [
            (
                "series",
                "select count(*) from series s where points <> (select count(*) from run_metrics x where x.series_id = s.id)
                     or latest_run_id <> (select max(run_id) from run_metrics x where x.series_id = s.id)",
            ),
            (
                "latest_runs",
                "select count(*) from latest_runs l where run_id <> (
                     select id from runs r where (r.device_id, r.model_name, r.precision, r.engine) =
                         (l.device_id, l.model_name, l.precision, l.engine)
                         and r.engine_artifact_id is not distinct from l.engine_artifact_id
                         and (r.cores, r.frequency) = (l.cores, l.frequency)
                     order by coalesce(validity ->> 'state' = 'valid', false) desc, id desc limit 1)",
            ),
            (
                "model_uses",
                "select count(*) from (select model_id, device_id, count(*) as runs from runs group by 1, 2) r
                 full join model_uses u using (model_id, device_id) where r.runs is distinct from u.runs",
            ),
            (
                "engine_uses",
                "select count(*) from (
                     select engine_artifact_id as artifact_id, device_id, count(*) as runs, max(measured_at) as last
                     from runs where engine_artifact_id is not null group by 1, 2) r
                 full join engine_uses u using (artifact_id, device_id)
                 where (r.runs, r.last) is distinct from (u.runs, u.last_used_at)",
            ),
            ("reality", "select count(*) from runs where reality <> 'simulated'"),
            ("samples", "select count(*) - 4 * 16 - 160 from (select distinct run_id from sample_blocks) b"),
        ] {
            // A run that failed has no samples.
            let failed = if what == "samples" {
                farm.scalar("select -count(*) from runs where failure is not null and id > 1600 - 64").await
            } else {
                0
            };
            assert_eq!(farm.scalar(wrong).await, failed, "{what}");
        }
        // What the figures of kept samples say is what the samples say.
        let figure = "select (abs(value / (select percentile_cont(0.5) within group (order by s) from sample_blocks b,
                unnest(samples_ns) s where b.run_id = x.run_id) - 1) < 0.01)::int::bigint
            from run_metrics x where metric = 'latency' and run_id in (select max(run_id) from sample_blocks)";
        assert_eq!(farm.scalar(figure).await, 1);
        // The farm goes on from there.
        farm.app.tick(farm.now()).await.unwrap();
        let next = farm.register("three").await;
        assert_eq!(next.id.0, 3);
    })
    .await;
}

#[tokio::test]
async fn a_farm_that_is_there_is_left_as_it_is() {
    with_farm(async |farm| {
        farm.register("real").await;
        let refused = seed(farm.app.db(), &plan(1), &|_, _| {}).await.unwrap_err();
        assert!(matches!(refused, SeedError::NotEmpty { devices: 1, models: 0 }), "{refused}");
        assert_eq!(farm.scalar("select count(*) from runs").await, 0);
        let nothing = seed(farm.app.db(), &SeedPlan { runs: 0, ..plan(1) }, &|_, _| {}).await.unwrap_err();
        assert!(matches!(nothing, SeedError::Nothing { runs: 0, .. }), "{nothing}");
    })
    .await;
}

#[tokio::test]
async fn the_same_seed_gives_the_same_history_and_another_seed_another() {
    let mut sums = Vec::new();
    for seed_of_it in [7, 7, 8] {
        with_farm(async |farm| {
            seed(farm.app.db(), &SeedPlan { seed: seed_of_it, ..plan(10) }, &|_, _| {}).await.unwrap();
            let figures = "select sum(hashtext(run_id || metric || value))::bigint from run_metrics";
            let samples = "select sum(hashtext(run_id || samples_ns::text))::bigint from sample_blocks";
            sums.push((farm.scalar(figures).await, farm.scalar(samples).await));
        })
        .await;
    }
    assert_eq!(sums[0], sums[1]);
    assert!(sums[0].0 != sums[2].0 && sums[0].1 != sums[2].1, "{sums:?}");
}

/// Rows read and scans through a whole table, by table, of all statements since the counters began.
async fn counters(farm: &Farm) -> BTreeMap<String, (i64, i64)> {
    // The one connection's counts are written at the end of this statement.
    sqlx::raw_sql("select pg_stat_force_next_flush()").execute(&farm.pool).await.unwrap();
    let rows = sqlx::raw_sql(
        "select t.relname::text, t.seq_tup_read + coalesce(sum(i.idx_tup_read), 0)::bigint, t.seq_scan
         from pg_stat_user_tables t left join pg_stat_user_indexes i on i.relid = t.relid group by t.relid, 1, t.seq_tup_read, 3",
    );
    let rows = rows.fetch_all(&farm.pool).await.unwrap();
    rows.into_iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect()
}

/// Rows that each page reads, and the big tables that it goes through from end to end.
async fn reading(farm: &Farm) -> Vec<(String, i64, Vec<String>)> {
    let newest = async |table: &str| farm.scalar(&format!("select max(id) from {table}")).await;
    let series = farm.scalar("select min(id) from series where metric = 'latency'").await;
    let (model, run, session) = (newest("models").await, newest("runs").await, newest("sessions").await);
    let lists = ["/", "/rack", "/models", "/engines", "/compare", "/series", "/series?metric=load", "/gates", "/alerts"];
    let mut pages: Vec<String> = lists.map(str::to_owned).into();
    pages.extend(
        [
            "/self-test",
            "/studies",
            "/search?q=l",
            "/search?q=1",
            "/devices/1",
            "/compare?device=1&base=small+fp32",
            "/compare?device=1&model=small",
            "/alerts/1",
            "/gates/1",
        ]
        .map(str::to_owned),
    );
    pages.extend([format!("/series/{series}"), format!("/series/{series}?points=100&until={}", run / 2)]);
    pages.extend([format!("/runs/{run}"), "/runs/1".into(), format!("/sessions/{session}"), format!("/models?of={model}")]);
    let mut read = Vec::new();
    for page in pages {
        let before = counters(farm).await;
        let answer = farm.ask(Scope::Read, Method::GET, &page).header("accept", "text/html").send().await;
        assert_eq!(answer.status, 200, "{page}: {}", answer.text());
        assert!(answer.body.len() < 300_000, "{page} weighs {} bytes", answer.body.len());
        assert!(!answer.text().contains("/receipt"), "{page} offers a receipt, and nobody signed anything");
        let after = counters(farm).await;
        let since = |table: &String| before.get(table).copied().unwrap_or_default();
        let rows = after.iter().map(|(table, (rows, _))| rows - since(table).0).sum();
        let scanned = after.iter().filter(|(table, (_, scans))| {
            *scans > since(table).1 && BIG.iter().any(|big| table == big || table.starts_with("sample_blocks"))
        });
        read.push((page, rows, scanned.map(|(table, _)| table.clone()).collect()));
    }
    read
}

#[tokio::test]
async fn no_page_reads_more_of_a_longer_history_or_goes_through_a_big_table() {
    // Both histories are longer than the range that a series' page draws.
    let mut of = Vec::new();
    for rounds in [520, 1040] {
        with_options(Options { connections: 1, ..Options::default() }, async |farm| {
            seeded(farm, rounds).await;
            // A table of a test is so small that going through it is the cheapest way: what is asked is whether there is another.
            sqlx::raw_sql("set enable_seqscan = off").execute(&farm.pool).await.unwrap();
            of.push(reading(farm).await);
        })
        .await;
    }
    let [short, long] = of.try_into().unwrap();
    for ((_, short, _), (page, long, scanned)) in short.into_iter().zip(long) {
        eprintln!("{page:<40} {short:>8} {long:>8} {scanned:?}");
        assert!(scanned.is_empty(), "{page} goes through all of {scanned:?}");
        assert!(
            long as f64 <= short as f64 * 1.3 + 200.0,
            "{page} reads {short} rows of a history and {long} of one twice as long"
        );
    }
}
