//! What keeps subjects busy after the blocks: energy and minutes of load.

use benchrack_protocol::energy::EnergyPlan;
use benchrack_protocol::reading::Missing;

use super::*;

/// The phone with a processor counter that never counts, so that a meter is there and tells nothing.
fn phone_with_counter() -> Arc<Captured> {
    let files = phone();
    for (file, text) in [("name", "package-0"), ("energy_uj", "5"), ("max_energy_range_uj", "1000")] {
        files.set(&format!("sys/class/powercap/intel-rapl:0/{file}"), text);
    }
    files
}

#[tokio::test(start_paused = true)]
async fn a_device_without_a_meter_says_so_and_its_run_stands() {
    let mut spec = spec(&["model"]);
    spec.plan.energy = Some(EnergyPlan::default());
    let (report, _) = run(&phone(), spec, &[|_| Ok(Nanos(10 * MS))]).await;
    let run = measured(&report.runs[0]);
    assert_eq!(run.blocks.len(), 10);
    assert!(
        matches!(&run.energy, Some(Reading::Missing { missing: Missing::Absent, detail }) if detail.contains("RAPL")),
        "{run:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_runner_that_dies_in_the_energy_pass_loses_that_pass_alone() {
    let mut spec = spec(&["model"]);
    spec.plan.energy = Some(EnergyPlan::default());
    let breaking: Latency = |now| match now {
        Nanos(now) if now < 10_000 * MS => Ok(Nanos(10 * MS)),
        _ => Err(Failure { reason: FailureReason::RunnerDied, detail: "gone".into() }),
    };
    let (report, heard) = run(&phone_with_counter(), spec, &[breaking]).await;
    let run = measured(&report.runs[0]);
    assert_eq!((run.blocks.len(), &run.energy), (10, &None));
    assert_eq!((run.failed_passes[0].pass, run.failed_passes[0].failure.reason), (Pass::Energy, FailureReason::RunnerDied));
    assert!(heard.iter().any(|heartbeat| heartbeat.phase == "measuring energy"));
}

#[tokio::test(start_paused = true)]
async fn minutes_of_load_show_when_a_phone_becomes_slower_and_when_it_has_recovered() {
    let mut spec = spec(&["model"]);
    spec.plan.sustained = Some(Nanos(240_000 * MS));
    // Slow from 100 s to 280 s, blocks and warm-up before included.
    let throttling: Latency = |now| Ok(Nanos(if (100_000..280_000).contains(&(now.0 / MS)) { 30 * MS } else { 20 * MS }));
    let (report, _) = run(&phone(), spec, &[throttling]).await;
    let curve = measured(&report.runs[0]).sustained.as_ref().unwrap();
    let figures = sustained::figures(curve).unwrap();
    assert_eq!((figures.first_minute, figures.plateau), (20.0 * MS as f64, Some(30.0 * MS as f64)));
    let after = figures.throttled_after.unwrap();
    assert!((90.0..100.0).contains(&after), "{after}");
    assert!(figures.recovered_after.is_some_and(|after| (20.0..70.0).contains(&after)), "{figures:?}");
    assert!(curve.load.len() <= 245 && curve.load.iter().all(|slice| slice.inferences > 30));
    // The captured phone says its caps and no clock in force.
    assert!(curve.load[0].frequency.value().is_none());
}
