//! Energy on whole twins: the gauge that was calibrated is the one that energy is read by, and a charger is cut off for it
//! where that is a true discharge.

use std::path::Path;
use std::time::Duration;

use benchrack_agent::gauge::live::{Plan, Step, calibrate};
use benchrack_agent::gauge::store;
use benchrack_agent::probe::{power_supply, probe_in};
use benchrack_agent::session::detached::Cable;
use benchrack_agent::session::energy::estimate;
use benchrack_agent::twin::{Deed, Twin};
use benchrack_protocol::device::DeviceReport;
use benchrack_protocol::energy::{EnergyPlan, EnergyRun, EnergySource};
use benchrack_protocol::evidence::{KnobEvidence, KnobOutcome};
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::report::SessionReport;
use benchrack_protocol::session::Frequency;
use benchrack_protocol::units::Nanos;

use crate::session::measured;
use crate::twins::{run_in, spec, twin};

const SUPPLY: &str = "sys/class/power_supply";

/// Calibrates the twin's gauge as the command does, and keeps it in the folder.
pub async fn calibrated(twin: &Twin, folder: &Path) -> DeviceReport {
    let device = twin.device();
    let known = probe_in(&device, None, Some(folder));
    let supply = power_supply::battery(device.sysfs.as_ref(), &known.power_supplies).unwrap().name.clone();
    let cpus = known.cpus_online.value().unwrap().clone();
    let told = calibrate(&device, &supply, Plan::default(), |step| {
        let share = if step == Step::Load { 0.95 } else { 0.0 };
        twin.happen(Deed::Load { cpus: cpus.clone(), share });
    })
    .await;
    let gauge = told.value().unwrap_or_else(|| panic!("{told:?}"));
    store::keep(folder, &known.identity, gauge).unwrap();
    probe_in(&device, None, Some(folder))
}

/// A session with an energy pass.
async fn energy(twin: &Twin, known: &DeviceReport, cores: &str) -> (Nanos, SessionReport) {
    energy_at(twin, known, cores, None).await
}

/// The same, with a cable whose power can be cut.
async fn energy_at(twin: &Twin, known: &DeviceReport, cores: &str, cable: Option<&Cable>) -> (Nanos, SessionReport) {
    let mut spec = spec(cores, Frequency::Unpinned);
    spec.plan.energy = Some(EnergyPlan { max_time: Nanos(600_000_000_000), ..EnergyPlan::default() });
    let begun = twin.now();
    (begun, run_in(&twin.device(), known, spec, &[], cable).await)
}

/// A twin that was calibrated on its battery, and then plugged in.
pub async fn plugged(name: &str) -> (Twin, tempfile::TempDir, DeviceReport) {
    let (twin, folder) = (twin(name), tempfile::tempdir().unwrap());
    twin.happen(Deed::Unplug);
    let known = calibrated(&twin, folder.path()).await;
    twin.happen(Deed::Plug);
    tokio::time::sleep(Duration::from_secs(20)).await;
    (twin, folder, known)
}

fn told(report: &SessionReport) -> &Reading<EnergyRun> {
    measured(&report.runs[0]).energy.as_ref().unwrap()
}

/// Whether the true joules lie in the interval that the run states.
fn is_true(twin: &Twin, begun: Nanos, run: &EnergyRun) -> bool {
    let estimate = estimate(run).unwrap();
    let at = |seconds: f64| Nanos(begun.0 + (seconds * 1e9) as u64);
    let joules = |(from, to): &(f64, f64)| twin.truth().above_rest(at(*from), at(*to)).unwrap();
    let truth = estimate.windows.iter().map(joules).sum::<f64>() / estimate.inferences;
    println!("{:?} for {truth}", estimate.per_inference);
    estimate.per_inference.low <= truth && truth <= estimate.per_inference.high
}

#[tokio::test(start_paused = true)]
async fn the_gauge_that_calibrate_decided_is_what_energy_is_read_by() {
    // Units and signs: mA, mA and mV under another name, µA inverted and lagging.
    for (name, cores, per_count) in [
        ("samsung-galaxy-a51", "little", 1000),
        ("huawei-mate-9", "little", 1000),
        ("oneplus-6", "little", -1),
        ("motorola-moto-g5-plus", "0-3", -1),
    ] {
        let (twin, folder) = (twin(name), tempfile::tempdir().unwrap());
        let before = probe_in(&twin.device(), None, Some(folder.path()));
        let (_, report) = energy(&twin, &before, cores).await;
        let uncalibrated = told(&report).value().map(|run| run.meter.source);
        assert_ne!(uncalibrated, Some(EnergySource::FuelGauge), "{name}: nothing proved the gauge");
        let known = calibrated(&twin, folder.path()).await;
        let gauge = known.battery.as_ref().unwrap().gauge.value().unwrap();
        assert_eq!(gauge.per_count, per_count, "{name}: {gauge:?}");
        let (begun, report) = energy(&twin, &known, cores).await;
        let run = told(&report).value().unwrap_or_else(|| panic!("{name}: {:?}", told(&report)));
        assert_eq!(run.meter.source, EnergySource::FuelGauge, "{name}");
        assert!(is_true(&twin, begun, run), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_charger_is_cut_off_for_energy_where_that_is_a_true_discharge_and_comes_back() {
    let (twin, folder) = (twin("xiaomi-redmi-k30s"), tempfile::tempdir().unwrap());
    let known = calibrated(&twin, folder.path()).await;
    let file = |name: &str| twin.device().sysfs.read(&format!("{SUPPLY}/{name}")).unwrap().trim().to_owned();
    assert_eq!((file("battery/status").as_str(), file("battery/input_suspend").as_str()), ("Charging", "0"));
    let (begun, report) = energy(&twin, &known, "mid").await;
    let run = told(&report).value().unwrap_or_else(|| panic!("{:?}", told(&report)));
    assert_eq!(run.meter.source, EnergySource::FuelGauge);
    assert!(is_true(&twin, begun, run));
    let cut = |knob: &&KnobEvidence| knob.knob.ends_with("input_suspend");
    let knobs = &report.evidence.as_ref().unwrap().knobs;
    let evidence = knobs.iter().find(cut).unwrap_or_else(|| panic!("{knobs:#?}"));
    assert!(evidence.outcome == KnobOutcome::Held && evidence.restored && evidence.helpful, "{evidence:#?}");
    assert_eq!((file("battery/status").as_str(), file("battery/input_suspend").as_str()), ("Charging", "0"));
}

#[tokio::test(start_paused = true)]
async fn a_bypass_or_a_cut_that_is_undone_gives_no_number_and_says_so() {
    let (twin, _, known) = plugged("sony-xperia-xz-premium").await;
    let (_, report) = energy(&twin, &known, "big").await;
    let Reading::Missing { missing, detail } = told(&report) else { panic!("{:?}", told(&report)) };
    assert!(*missing == Missing::Unavailable && detail.contains("a bypass"), "{detail}");
    let switch = format!("{SUPPLY}/battery/battery_charging_enabled");
    assert_eq!(twin.device().sysfs.read(&switch).unwrap(), "1\n");

    // Somebody lets the phone charge again in the middle of the loops.
    let (twin, _, known) = plugged("oneplus-6").await;
    let file = format!("{SUPPLY}/battery/input_suspend");
    let undo = async {
        let fs = twin.device().sysfs;
        while fs.read(&file).unwrap() == "0\n" {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        tokio::time::sleep(Duration::from_secs(120)).await;
        twin.happen(Deed::Write { file: file.clone(), text: "0".into() });
    };
    let ((_, report), ()) = tokio::join!(energy(&twin, &known, "big"), undo);
    let Reading::Missing { detail, .. } = told(&report) else { panic!("{:?}", told(&report)) };
    assert!(detail.contains("undone") || detail.contains("flows into the battery"), "{detail}");
    assert_eq!(twin.device().sysfs.read(&file).unwrap(), "0\n");
}

#[tokio::test(start_paused = true)]
async fn a_session_dropped_while_charge_is_cut_lets_the_phone_charge_again() {
    let (twin, folder) = (twin("xiaomi-redmi-k30s"), tempfile::tempdir().unwrap());
    let known = calibrated(&twin, folder.path()).await;
    let file = format!("{SUPPLY}/battery/input_suspend");
    let fs = twin.device().sysfs;
    let cut = async {
        while fs.read(&file).unwrap() == "0\n" {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        _ = energy(&twin, &known, "mid") => panic!("it was never cut"),
        () = cut => {}
    }
    assert_eq!(fs.read(&file).unwrap(), "0\n", "dropping the session put it back");
}

/// A rack in the place of the work loop: grants every wish, pulls the cable a little later, and puts it in again at the end of
/// the wish, or when it is taken back or so much of it is over.
async fn rack(twin: &Twin, cable: &Cable, at_most: Duration) {
    let mut changes = cable.changes();
    loop {
        let Some(until) = cable.wished_until() else {
            changes.next().await;
            continue;
        };
        cable.answered(until, Ok(()));
        tokio::time::sleep(Duration::from_secs(12)).await;
        twin.happen(Deed::Unplug);
        let end = until.min(Nanos(twin.now().0 + Nanos::from(at_most).0));
        while cable.wished_until().is_some() && twin.now() < end {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        twin.happen(Deed::Plug);
        while cable.wished_until().is_some() {
            changes.next().await;
        }
    }
}

/// A server without a rack: this is its answer to every wish.
async fn answers(cable: &Cable, answer: Result<(), String>) {
    let mut changes = cable.changes();
    loop {
        if let Some(until) = cable.wished_until() {
            cable.answered(until, answer.clone());
        }
        changes.next().await;
    }
}

const LONGEST: Duration = Duration::from_secs(900);

/// A session of a plugged twin on such a rack.
async fn on_a_rack(twin: &Twin, known: &DeviceReport, at_most: Duration) -> (Nanos, SessionReport) {
    let cable = Cable::new(LONGEST);
    tokio::select! {
        measured = energy_at(twin, known, "big", Some(&cable)) => measured,
        () = rack(twin, &cable, at_most) => panic!("the rack ended"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_cannot_stop_charging_measures_while_its_cable_has_no_power() {
    // One whose switch is a bypass, and one without root.
    for name in ["sony-xperia-xz-premium", "google-pixel-8-shell"] {
        let (twin, _, known) = plugged(name).await;
        let (begun, report) = on_a_rack(&twin, &known, LONGEST).await;
        let run = told(&report).value().unwrap_or_else(|| panic!("{name}: {:?}", told(&report)));
        assert!(is_true(&twin, begun, run), "{name}");
        let online = twin.device().sysfs.read(&format!("{SUPPLY}/usb/online")).unwrap();
        assert_eq!(online.trim(), "1", "{name}: the session goes on with its cable");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cable_that_is_not_cut_comes_back_early_or_leaves_the_battery_low_gives_no_number_and_says_so() {
    let (twin, _, known) = plugged("sony-xperia-xz-premium").await;
    let why = |report: &SessionReport| match told(report) {
        Reading::Missing { missing: Missing::Unavailable, detail } => detail.clone(),
        other => panic!("{other:?}"),
    };
    let cable = Cable::new(LONGEST);
    for (answer, told) in [
        (Err("4000 s of silence are too long".to_owned()), "does not let the session be silent: 4000 s"),
        (Ok(()), "was not cut within 90 s"),
    ] {
        let (_, report) = tokio::select! {
            measured = energy_at(&twin, &known, "big", Some(&cable)) => measured,
            () = answers(&cable, answer) => panic!("it ended"),
        };
        assert!(why(&report).contains(told), "{}", why(&report));
        assert!(cable.wished_until().is_none(), "the wish is taken back");
    }

    let (_, report) = on_a_rack(&twin, &known, Duration::from_secs(100)).await;
    assert!(why(&report).contains("Charging") || why(&report).contains("online"), "{}", why(&report));

    let sinks = async {
        let fs = twin.device().sysfs;
        while fs.read(&format!("{SUPPLY}/usb/online")).unwrap().trim() == "1" {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        twin.happen(Deed::Read { file: format!("{SUPPLY}/battery/capacity"), text: "19\n".into() });
    };
    let ((_, report), ()) = tokio::join!(on_a_rack(&twin, &known, LONGEST), sinks);
    assert!(why(&report).contains("the battery is at 19 % without its cable"), "{}", why(&report));
    let (_, report) = on_a_rack(&twin, &known, LONGEST).await;
    assert!(why(&report).contains("30 % are needed"), "{}", why(&report));
}
