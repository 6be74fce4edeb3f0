//! How long the server takes for each page, in process, on a real Postgres: `cargo bench -p benchrack-server --bench pages`.
//!
//! The first farm is as large as the demo's: one device, 8 sessions, 16 runs of 300 samples. With `-- large` a second
//! one follows: 10 devices, 2,000 sessions, 4,000 runs, 1,200,000 samples. The figures are the server's own
//! (`Server-Timing`): routing, queries, drawing and escaping, not the way over a network.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark that fails must stop")]

#[path = "../tests/it/farm.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod farm;
#[path = "../tests/it/sample.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod sample;

use axum::http::Method;
use benchrack_protocol::api::{Gate, Reported, Scope};
use benchrack_protocol::ids::DeviceId;
use benchrack_protocol::model::Precision;
use benchrack_protocol::report::RunReport;
use benchrack_protocol::units::Nanos;

use farm::{Farm, with_farm};
use sample::{gate_subject, model_bytes, new_gate, report, suite};

/// Requests of one page before it is timed.
const WARM_UP: usize = 10;
/// Requests that are timed.
const TIMED: usize = 200;
/// What a page may take, ms.
const BAR_MS: f64 = 10.0;
/// Samples of a block; a run has ten blocks.
const BLOCK_SAMPLES: usize = 30;

/// How large a farm is.
struct Size {
    name: &'static str,
    devices: u32,
    models: u32,
    threads: Vec<u16>,
    revisions: u32,
}

#[tokio::main]
async fn main() {
    let demo = Size { name: "demo", devices: 1, models: 8, threads: vec![1], revisions: 1 };
    measure(demo).await;
    if std::env::args().any(|argument| argument == "large") {
        measure(Size { name: "large", devices: 10, models: 20, threads: vec![1, 4], revisions: 5 }).await;
    }
}

async fn measure(size: Size) {
    with_farm(async |farm| {
        seed(farm, &size).await;
        let count = async |table: &str| farm.scalar(&format!("select count(*) from {table}")).await;
        let [devices, sessions, runs] = [count("devices").await, count("sessions").await, count("runs").await];
        let samples = farm.scalar("select sum(cardinality(samples_ns)) from sample_blocks").await;
        println!("{}: {devices} devices, {sessions} sessions, {runs} runs, {samples} samples", size.name);
        println!("{:<40} {:>10} {:>10} {:>10}", "page", "median ms", "p99 ms", "kB");
        for path in PAGES {
            let (median, p99, bytes) = time(farm, path).await;
            let over = if median > BAR_MS { "  above the bar" } else { "" };
            println!("{path:<40} {median:>10.2} {p99:>10.2} {:>10.1}{over}", bytes as f64 / 1e3);
        }
    })
    .await;
}

const PAGES: [&str; 16] = [
    "/",
    "/rack",
    "/devices/1",
    "/models",
    "/engines",
    "/compare",
    "/compare?device=1&base=model-1+fp32",
    "/compare/table.csv",
    "/series",
    "/series/1",
    "/runs/1",
    "/runs/1/samples.svg",
    "/runs/1/view.json",
    "/sessions/1",
    "/gates",
    "/gates/1",
];

/// Median, 99th percentile (nearest rank), ms, and size of the body.
async fn time(farm: &Farm, path: &str) -> (f64, f64, usize) {
    let (mut times, mut bytes) = (Vec::with_capacity(TIMED), 0);
    for nth in 0..WARM_UP + TIMED {
        let answer = farm.ask(Scope::Read, Method::GET, path).header("accept", "text/html").send().await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let timing = answer.header("server-timing").and_then(|timing| timing.strip_prefix("app;dur=")).unwrap();
        if nth >= WARM_UP {
            times.push(timing.parse::<f64>().unwrap());
        }
        bytes = answer.body.len();
    }
    times.sort_by(f64::total_cmp);
    (times[TIMED / 2], times[TIMED * 99 / 100 - 1], bytes)
}

async fn seed(farm: &Farm, size: &Size) {
    let mut devices = Vec::new();
    for device in 0..size.devices {
        devices.push(farm.register(&format!("device-{device}")).await.id);
    }
    let names: Vec<String> = (1..=size.models).map(|model| format!("model-{model}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut reports = 0;
    for revision in 0..size.revisions {
        for name in &names {
            for precision in [Precision::Fp32, Precision::Int8] {
                let bytes = format!("{name} {precision} {revision}");
                farm.add_revision(name, precision, bytes.as_bytes(), &format!("r{revision}")).await;
            }
        }
        let mut whole = suite(&names);
        whole.threads.clone_from(&size.threads);
        farm.submit(whole).await;
        for (nth, device) in devices.iter().enumerate() {
            while deliver(farm, *device, nth, &mut reports).await {}
        }
    }
    for name in ["small", "large"] {
        farm.upload(&model_bytes(name, Precision::Fp32)).await;
    }
    let mut gate = new_gate(gate_subject("small", Precision::Fp32), gate_subject("large", Precision::Fp32));
    gate.devices = "name=phone-device-0".into();
    farm.post::<Gate>(Scope::Submit, "/api/v1/gates", &gate).await;
    // As autovacuum does within a minute; without it the planner knows nothing of these tables.
    sqlx::raw_sql("analyze").execute(&farm.pool).await.unwrap();
}

/// Measures the device's next session; false when there is none.
async fn deliver(farm: &Farm, device: DeviceId, nth: usize, reports: &mut u128) -> bool {
    let Some(lease) = farm.claim(device).await else { return false };
    *reports += 1;
    let latency = 5_000_000 + u64::try_from(*reports % 97).unwrap() * 400_000;
    let mut sent = report(*reports, &format!("device-{nth}"), &lease.session, |place| Some(latency / (1 + place as u64)));
    for run in &mut sent.runs {
        if let RunReport::Measured(measurement) = run {
            for block in &mut measurement.blocks {
                let median = block.samples[0].0;
                block.samples = (0..BLOCK_SAMPLES as u64).map(|nth| Nanos(median + median * (nth * 7 % 31) / 10_000)).collect();
            }
        }
    }
    farm.pass(time::Duration::seconds(20));
    farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
    true
}
