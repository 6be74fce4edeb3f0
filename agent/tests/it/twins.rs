//! Every twin of `config/twins`: probed right, measured unpinned and pinned, judged as its physics says, restored; and no
//! run whose clock was taken is ever valid.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use benchrack_agent::config::Config;
use benchrack_agent::device::Device;
use benchrack_agent::knobs::Asked;
use benchrack_agent::probe::probe;
use benchrack_agent::session::detached::Cable;
use benchrack_agent::session::{self, Artifacts, Context};
use benchrack_agent::sysfs::SysFs;
use benchrack_agent::twin::{Deed, Paced, Speed, Twin, keep_pace};
use benchrack_agent::work::Worker;
use benchrack_protocol::device::{DeviceReport, Reality};
use benchrack_protocol::evidence::{KnobEvidence, KnobOutcome};
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::model::{Manifest, Precision};
use benchrack_protocol::report::{OutputCheck, RunReport, SessionReport};
use benchrack_protocol::session::{Frequency, MeasurePlan, OperatingPoint, SessionSpec};
use benchrack_protocol::tensor::Tolerance;
use benchrack_protocol::units::{Bytes, Nanos};
use benchrack_protocol::validity::{EvidenceTier, Reason, Validity, assess, tier};

use crate::models;
use crate::runner::agent;
use crate::session::{measured, subject};
use crate::work::{Remote, Server};

/// What a twin is and what becomes of a session on it that pins a clock.
pub struct Case {
    pub name: &'static str,
    /// Clusters, slowest first.
    clusters: &'static [(&'static str, &'static str)],
    pub cores: &'static str,
    pub frequency: Frequency,
    /// None where the run is valid.
    doubt: Option<Reason>,
}

const fn case(
    name: &'static str,
    clusters: &'static [(&'static str, &'static str)],
    cores: &'static str,
    frequency: Frequency,
    doubt: Option<Reason>,
) -> Case {
    Case { name, clusters, cores, frequency, doubt }
}

const SOME: Frequency = Frequency::Percent(60);

pub const CASES: [Case; 14] = [
    case("google-pixel-6", &[("little", "0-3"), ("mid", "4-5"), ("big", "6-7")], "mid", SOME, None),
    case("google-pixel-8-shell", &[("little", "0-3"), ("mid", "4-7"), ("big", "8")], "big", SOME, Some(Reason::PinRefused)),
    case("samsung-galaxy-s10", &[("little", "0-3"), ("mid", "4-5"), ("big", "6-7")], "big", SOME, None),
    case("samsung-galaxy-a51", &[("little", "0-3"), ("big", "4-7")], "big", SOME, None),
    case("samsung-galaxy-m20-shell", &[("little", "0-5"), ("big", "6-7")], "big", Frequency::Max, Some(Reason::PinRefused)),
    case("xiaomi-redmi-k30s", &[("little", "0-3"), ("mid", "4-6"), ("big", "7")], "mid", SOME, None),
    case("xiaomi-mi-11", &[("little", "0-3"), ("mid", "4-6"), ("big", "7")], "big", Frequency::Max, None),
    case("oneplus-6", &[("little", "0-3"), ("big", "4-7")], "big", Frequency::Max, None),
    case("oneplus-7t", &[("little", "0-3"), ("mid", "4-6"), ("big", "7")], "mid", SOME, Some(Reason::FrequencyMoved)),
    case("motorola-moto-g-2013", &[("all", "0-3")], "0", Frequency::Max, None),
    case("motorola-moto-g5-plus", &[("unranked", "0-3"), ("unranked", "4-7")], "all", SOME, None),
    case("huawei-mate-9", &[("little", "0-3"), ("big", "4-7")], "little", Frequency::Max, None),
    case("realme-7-5g", &[("little", "0-5"), ("big", "6-7")], "big", SOME, None),
    case("sony-xperia-xz-premium", &[("little", "0-3"), ("big", "4-7")], "big", SOME, None),
];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/twins").join(name).with_extension("twin")
}

pub fn twin(name: &str) -> Twin {
    Twin::load(&file(name)).unwrap_or_else(|error| panic!("{name}: {error}: {:?}", std::error::Error::source(&error)))
}

/// A model of the size of a small MobileNet, with an output that is known.
fn model() -> Manifest {
    let (artifact, size) = (ArtifactId::of(b"model"), Bytes(3_500_000));
    let mut manifest = Manifest { macs: Some(150_000_000), ..Manifest::of_unknown("model", Precision::Fp32, artifact, size) };
    manifest.references = vec![benchrack_protocol::model::ReferenceOutput {
        output: "y".into(),
        positions: vec![0, 7],
        values: vec![0.25, -1.5],
        tolerance: Tolerance::FP32,
        computed_by: "hand".into(),
    }];
    manifest
}

pub fn spec(cores: &str, frequency: Frequency) -> SessionSpec {
    let plan = MeasurePlan { blocks: 80, ..MeasurePlan::default() };
    SessionSpec {
        subjects: vec![subject(&model())],
        operating_point: OperatingPoint { cores: cores.parse().unwrap(), frequency },
        plan,
    }
}

pub async fn run(device: &Device, known: &DeviceReport, spec: SessionSpec) -> SessionReport {
    run_asking(device, known, spec, &[]).await
}

/// The same, with knobs that are asked for by name.
pub async fn run_asking(device: &Device, known: &DeviceReport, spec: SessionSpec, asked: &[Asked]) -> SessionReport {
    run_in(device, known, spec, asked, None).await
}

/// The same, with a cable whose power can be cut.
pub async fn run_in(
    device: &Device,
    known: &DeviceReport,
    spec: SessionSpec,
    asked: &[Asked],
    cable: Option<&Cable>,
) -> SessionReport {
    let folder = tempfile::tempdir().unwrap();
    let artifacts: Artifacts = [(model().artifact, Ok("model.onnx".into()))].into();
    let context = Context {
        device,
        known,
        artifacts: &artifacts,
        inputs: &[],
        asked,
        state_folder: folder.path(),
        address_space: None,
        cable,
        observer: &|_| {},
    };
    session::run(session::new_report_id(), spec, context, &agent()).await
}

pub fn validity(report: &SessionReport) -> Validity {
    assess(&report.spec.operating_point, report.evidence.as_ref().unwrap(), measured(&report.runs[0]))
}

pub fn has(validity: &Validity, reason: Reason) -> bool {
    validity.reasons().iter().any(|doubt| doubt.reason == reason)
}

/// Limits and governors of all policies.
fn knobs(fs: &dyn SysFs, known: &DeviceReport) -> BTreeMap<String, Option<String>> {
    let files = known.policies.iter().flat_map(|policy| {
        ["scaling_min_freq", "scaling_max_freq", "scaling_governor"]
            .map(|name| format!("sys/devices/system/cpu/{}/{name}", policy.path))
    });
    files.map(|file| (file.clone(), fs.read(&file).ok())).collect()
}

#[test]
fn every_twin_of_the_folder_is_among_the_cases() {
    let mut files: Vec<String> = std::fs::read_dir(file("x").parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    files.sort();
    let mut cases = CASES.map(|case| case.name.to_owned());
    cases.sort();
    assert_eq!(files, cases);
    let table = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/twins.md")).unwrap();
    assert!(cases.iter().all(|name| table.contains(&format!("`{name}`"))), "docs/twins.md lists every twin");
}

#[tokio::test(start_paused = true)]
async fn twins_are_probed_right() {
    for case in &CASES {
        let report = probe(&twin(case.name).device(), None);
        let clusters: Vec<_> = report.clusters.iter().map(|cluster| (cluster.name.clone(), cluster.cpus.to_string())).collect();
        let expected: Vec<_> = case.clusters.iter().map(|(name, cpus)| ((*name).to_owned(), (*cpus).to_owned())).collect();
        assert_eq!(clusters, expected, "{}: {:?}", case.name, report.unknown);
        assert_eq!(report.reality, Reality::Simulated, "{}", case.name);
        assert!(report.clusters.iter().all(|cluster| cluster.core.value().is_some()), "{}: {:?}", case.name, report.clusters);
        assert!(!report.policies.is_empty() && report.policies.iter().all(|policy| policy.frequencies.value().is_some()));
        let body = report.thermal_zones.iter().find_map(|zone| zone.temperature.value());
        let refused = case.name == "google-pixel-8-shell";
        assert!(refused || body.is_some_and(|body| (15_000..35_000).contains(&body.0)), "{}: {body:?}", case.name);
        for zone in report
            .thermal_zones
            .iter()
            .filter(|zone| matches!(zone.kind.value().map(String::as_str), Some("soc" | "ibat" | "vbat")))
        {
            assert!(zone.temperature.value().is_none(), "{}: {zone:?} is no temperature", case.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn unpinned_sessions_on_twins_are_simulated_and_valid_with_the_proof_that_there_is() {
    for case in &CASES {
        let twin = twin(case.name);
        let device = twin.device();
        let known = probe(&device, None);
        let report = run(&device, &known, spec(case.cores, Frequency::Unpinned)).await;
        let measurement = measured(&report.runs[0]);
        assert_eq!(report.reality, Reality::Simulated);
        assert!(matches!(&measurement.outputs, OutputCheck::Compared { outputs } if outputs[0].1.within), "{}", case.name);
        // The power HAL of one phone changes the limits in the middle, and that shows.
        let judged = validity(&report);
        if case.name != "oneplus-7t" {
            assert_eq!(judged, Validity::Valid, "{}", case.name);
            assert!(
                tier(&report.spec.operating_point, report.evidence.as_ref().unwrap()) >= EvidenceTier::Silver,
                "{}",
                case.name
            );
        }
        // What the watch saw of the clock is what it truly was.
        for look in &report.evidence.as_ref().unwrap().watch {
            for (clock, policy) in look.clocks.iter().zip(&known.policies) {
                let cpu = policy.cpus.iter().next().unwrap();
                let truth = twin.truth().frequency(cpu, look.at).unwrap();
                let seen = clock.frequency.value();
                assert!(seen.is_none_or(|seen| *seen == truth), "{} at {}: {seen:?}, truly {truth}", case.name, look.at);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn pinned_sessions_on_twins_are_judged_as_the_physics_says_and_leave_no_trace() {
    for case in &CASES {
        let twin = twin(case.name);
        let device = twin.device();
        let known = probe(&device, None);
        let before = knobs(device.sysfs.as_ref(), &known);
        let report = run(&device, &known, spec(case.cores, case.frequency)).await;
        let (judged, evidence) = (validity(&report), report.evidence.as_ref().unwrap());
        match case.doubt {
            None => {
                assert_eq!(judged, Validity::Valid, "{}", case.name);
                assert_eq!(tier(&report.spec.operating_point, evidence), EvidenceTier::Gold, "{}", case.name);
                let held = |knob: &KnobEvidence| (knob.outcome == KnobOutcome::Held || knob.helpful) && knob.restored;
                assert!(evidence.knobs.iter().all(held), "{}: {:#?}", case.name, evidence.knobs);
            }
            Some(reason) => {
                assert!(matches!(judged, Validity::Invalid { .. }) && has(&judged, reason), "{}: {judged:?}", case.name);
            }
        }
        // The power HAL of one phone has set its own limits again; cores of another are unplugged, and their files gone.
        for (file, now) in knobs(device.sysfs.as_ref(), &known) {
            assert!(case.name == "oneplus-7t" || now.is_none() || before[&file] == now, "{}: {file} is {now:?}", case.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pinned_run_whose_clock_is_taken_is_never_valid_on_any_twin() {
    for case in CASES.iter().filter(|case| case.doubt.is_none()) {
        let lowest = |known: &DeviceReport, cpu: u32| {
            let (place, policy) = known.policies.iter().enumerate().find(|(_, policy)| policy.cpus.contains(cpu)).unwrap();
            (place, policy.frequencies.value().unwrap()[0].0)
        };
        for taken in 0..3 {
            let twin = twin(case.name);
            let device = twin.device();
            let known = probe(&device, None);
            let spec = spec(case.cores, if taken == 1 { Frequency::Percent(40) } else { Frequency::Max });
            let chosen = match case.cores.parse().unwrap() {
                benchrack_protocol::session::Cores::List(cpus) => cpus,
                benchrack_protocol::session::Cores::All => known.cpus_online.value().unwrap().clone(),
                _ => known.clusters.iter().find(|cluster| cluster.name == case.cores).unwrap().cpus.clone(),
            };
            let (place, khz) = lowest(&known, chosen.iter().next().unwrap());
            // Clusters and policies are in one order, but where each CPU has a clock of its own.
            let cluster = if case.clusters.len() == 1 { 0 } else { place };
            let highest = known.policies[place].frequencies.value().unwrap().last().unwrap().0;
            let deed = match taken {
                0 => Deed::Cap { cluster, khz },
                1 => Deed::Limits { cluster, min_khz: khz, max_khz: highest },
                _ => Deed::Limits { cluster, min_khz: khz, max_khz: khz },
            };
            let fight = async {
                tokio::time::sleep(Duration::from_secs(6)).await;
                twin.happen(deed.clone());
            };
            let (report, ()) = tokio::join!(run(&device, &known, spec), fight);
            let judged = validity(&report);
            let seen = has(&judged, Reason::FrequencyMoved) || has(&judged, Reason::Throttled);
            // MediaTek's PPM stands above what others set through cpufreq.
            if case.name == "realme-7-5g" && taken == 1 {
                assert_eq!(judged, Validity::Valid);
                continue;
            }
            assert!(matches!(judged, Validity::Invalid { .. }) && seen, "{} {deed:?}: {judged:?}", case.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_twin_that_grows_hot_is_throttled_and_says_so() {
    let twin = twin("huawei-mate-9");
    let device = twin.device();
    let known = probe(&device, None);
    let mut spec = spec("big", Frequency::Max);
    spec.subjects[0].threads = 4;
    spec.plan.blocks = 600;
    let report = run(&device, &known, spec).await;
    let judged = validity(&report);
    assert!(matches!(judged, Validity::Invalid { .. }) && has(&judged, Reason::Throttled), "{judged:?}");
    let evidence = report.evidence.as_ref().unwrap();
    assert!(evidence.watch.iter().any(|look| look.cooling.iter().any(|(kind, state)| kind == "thermal-cpufreq-1" && *state > 0)));
    let run = measured(&report.runs[0]);
    let first = run.blocks[0].samples[0].0;
    let slowest = run.blocks.iter().map(|block| block.samples[0].0).max().unwrap();
    assert!(slowest > first * 21 / 20, "{first} ns at first, {slowest} ns when hot");
}

#[tokio::test(start_paused = true)]
async fn others_on_the_same_cores_are_seen() {
    let twin = twin("oneplus-6");
    let device = twin.device();
    let known = probe(&device, None);
    // The script of the file lets somebody in from second 300.
    tokio::time::sleep(Duration::from_secs(295)).await;
    let mut spec = spec("big", Frequency::Max);
    spec.subjects[0].threads = 4;
    spec.plan.blocks = 300;
    let report = run(&device, &known, spec).await;
    let judged = validity(&report);
    assert!(matches!(judged, Validity::Degraded { .. }) && has(&judged, Reason::Interference), "{judged:?}");
}

#[tokio::test(start_paused = true)]
async fn a_twin_dropped_in_the_middle_of_a_session_is_left_as_it_was() {
    let twin = twin("sony-xperia-xz-premium");
    let device = twin.device();
    let known = probe(&device, None);
    let before = knobs(device.sysfs.as_ref(), &known);
    for seconds in [0.02, 0.5, 3.0] {
        let session = run(&device, &known, spec("big", Frequency::Min));
        assert!(tokio::time::timeout(Duration::from_secs_f64(seconds), session).await.is_err());
        assert_eq!(knobs(device.sysfs.as_ref(), &known), before);
        assert!(!device.sysfs.list("proc").unwrap().iter().any(|name| name.parse::<u32>().is_ok()), "its runners are gone");
    }
}

/// Works as this twin until a report is stored, and returns it.
async fn work<F: benchrack_agent::work::Farm>(server: &Arc<Server>, twin: &Twin, farm: F) -> SessionReport {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { name: "twin".into(), heartbeat_s: 1, ..Config::default() };
    let (device, program) = (twin.device(), agent());
    let mut worker = Worker::new(farm, &config, &device, &program, folder.path().into()).unwrap();
    worker.run(server.until(|state| !state.stored.is_empty())).await.unwrap();
    server.state.lock().unwrap().stored.values().next().unwrap().clone()
}

/// A server with one pinned session of a model whose costs are known.
fn server() -> Arc<Server> {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut manifest) = models::save_dense(folder.path());
    manifest.macs = Some(50_000_000);
    let server = Server::default();
    {
        let mut state = server.state.lock().unwrap();
        state.models.insert(manifest.artifact, models::dense());
        let point = OperatingPoint { cores: "big".parse().unwrap(), frequency: Frequency::Max };
        let plan = MeasurePlan { blocks: 50, ..MeasurePlan::default() };
        state.jobs.push(SessionSpec { subjects: vec![subject(&manifest)], operating_point: point, plan });
    }
    Arc::new(server)
}

fn assert_simulated(server: &Server, report: &SessionReport) {
    assert_eq!(report.reality, Reality::Simulated);
    assert!(matches!(&report.runs[0], RunReport::Measured(run) if run.blocks.len() == 50), "{:?}", report.runs);
    assert_eq!(validity(report), Validity::Valid);
    assert!(report.duration > Nanos(5_000_000_000), "{}", report.duration);
    let beats = &server.state.lock().unwrap().beats;
    assert!(!beats.is_empty(), "signs of life went out beside the session");
}

#[tokio::test(start_paused = true)]
async fn the_work_loop_runs_on_a_twin_unchanged() {
    let server = server();
    let report = work(&server, &twin("sony-xperia-xz-premium"), Remote(Arc::clone(&server))).await;
    assert_simulated(&server, &report);
}

#[tokio::test]
async fn a_twin_at_speed_works_for_a_server_in_real_time() {
    let server = server();
    let farm = Paced::new(Remote(Arc::clone(&server)));
    let twin = twin("sony-xperia-xz-premium");
    let speed: Speed = "5000".parse().unwrap();
    let report = tokio::select! {
        biased;
        report = work(&server, &twin, &farm) => report,
        () = keep_pace(speed, &farm) => unreachable!(),
    };
    assert_simulated(&server, &report);
    assert!("0".parse::<Speed>().is_err() && "fast".parse::<Speed>().is_err());
}
