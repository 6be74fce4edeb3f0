//! Whole sessions on this machine, with real runner processes.

use std::path::Path;

use benchrack_agent::device::Device;
use benchrack_agent::probe::probe;
use benchrack_agent::runner_process::RunnerProgram;
use benchrack_agent::session::{self, Artifacts, Context};
use benchrack_protocol::engine::EngineRef;
use benchrack_protocol::model::Manifest;
use benchrack_protocol::packaging::Packaging;
use benchrack_protocol::report::{FailedPass, Measurement, OutputCheck, Pass, RunReport, SessionReport};
use benchrack_protocol::runner::FailureReason;
use benchrack_protocol::session::{Cores, Frequency, MeasurePlan, OperatingPoint, SessionSpec, Subject};
use benchrack_protocol::units::Nanos;
use benchrack_protocol::validity::{Reason, Validity, assess};

use crate::models;
use crate::runner::{GREETING, agent, script};

/// The least that makes blocks: nothing here depends on how fast the machine is.
pub fn plan(blocks: u32) -> MeasurePlan {
    MeasurePlan { blocks, block_time: Nanos(1), max_warmup_time: Nanos(0), max_settle_time: Nanos(0), ..MeasurePlan::default() }
}

pub fn subject(manifest: &Manifest) -> Subject {
    Subject { label: manifest.name.clone(), manifest: manifest.clone(), engine: EngineRef::built_in(), threads: 1 }
}

pub fn spec(manifests: &[&Manifest], blocks: u32) -> SessionSpec {
    SessionSpec {
        subjects: manifests.iter().map(|manifest| subject(manifest)).collect(),
        operating_point: OperatingPoint::default(),
        plan: plan(blocks),
    }
}

pub async fn run(spec: SessionSpec, artifacts: &Artifacts, folder: &Path, program: &RunnerProgram) -> SessionReport {
    let device = Device::live();
    let known = probe(&device, None);
    let context = Context {
        device: &device,
        known: &known,
        artifacts,
        inputs: &[],
        asked: &[],
        state_folder: folder,
        address_space: Some(4 << 30),
        cable: None,
        observer: &|_| {},
    };
    session::run(session::new_report_id(), spec, context, program).await
}

pub fn measured(run: &RunReport) -> &Measurement {
    match run {
        RunReport::Measured(run) => run,
        RunReport::Failed(failure) => panic!("{failure:?}"),
    }
}

pub fn failed(run: &RunReport) -> (FailureReason, &str) {
    match run {
        RunReport::Failed(failure) => (failure.reason, &failure.detail),
        RunReport::Measured(_) => panic!("it was measured"),
    }
}

#[tokio::test]
async fn two_subjects_are_measured_in_turn_with_all_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let (dense_file, dense) = models::save_dense(folder.path());
    let (heavy_file, heavy) = models::save(folder.path(), "heavy", &models::heavy());
    let artifacts = [(dense.artifact, Ok(dense_file)), (heavy.artifact, Ok(heavy_file))].into();
    let mut spec = spec(&[&dense, &heavy], 3);
    spec.plan.profile = true;
    let report = run(spec, &artifacts, folder.path(), &agent()).await;
    let evidence = report.evidence.as_ref().unwrap();
    assert_eq!(report.runs.len(), 2);
    assert!(!evidence.watch.is_empty() && !evidence.cpus.is_empty());
    let (first, second) = (measured(&report.runs[0]), measured(&report.runs[1]));
    let places = |run: &Measurement| run.blocks.iter().map(|block| (block.round, block.place)).collect::<Vec<_>>();
    assert_eq!(places(first), [(0, 0), (1, 1), (2, 0)]);
    assert_eq!(places(second), [(0, 1), (1, 0), (2, 1)]);
    for run in [first, second] {
        assert!(run.load.0 > 0 && run.first_inference.0 > 0);
        assert!(run.warmup.samples.len() >= 5);
        assert!(run.blocks.iter().all(|block| block.samples.len() >= 3));
        assert!(run.blocks.windows(2).all(|pair| pair[0].started < pair[1].started));
        assert!(run.memory.peak_rss > run.memory_before.rss);
        assert!(!run.threads.is_empty() && !run.profile.is_empty());
        assert!(run.threads.iter().all(|thread| thread.allowed.value().unwrap().is_subset(&evidence.cpus)));
    }
    match &first.outputs {
        OutputCheck::Compared { outputs } => assert!(outputs[0].1.within, "{outputs:?}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(second.outputs, OutputCheck::NoReference);
    let json = serde_json::to_string(&report).unwrap();
    let again: SessionReport = serde_json::from_str(&json).unwrap();
    assert_eq!(measured(&again.runs[0]).warmup, first.warmup);
}

#[tokio::test]
async fn frames_and_packaged_loads_are_measured_after_the_blocks_and_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (file, mut colours) = models::save(folder.path(), "colours", &models::colours());
    colours.pipeline = Some(models::colours_pipeline());
    let artifacts = [(colours.artifact, Ok(file))].into();
    let mut spec = spec(&[&colours], 2);
    spec.plan = MeasurePlan { frames: 5, packagings: Packaging::ALL.to_vec(), loads: 2, ..spec.plan };
    let report = run(spec, &artifacts, folder.path(), &agent()).await;
    let measurement = measured(&report.runs[0]);
    assert_eq!(measurement.failed_passes, []);
    let frames = measurement.frames.as_ref().unwrap();
    assert_eq!((frames.times.len(), &frames.pipeline), (5, colours.pipeline.as_ref().unwrap()));
    let packagings: Vec<_> = measurement.packaged_loads.iter().map(|load| load.packaging).collect();
    assert_eq!(packagings, Packaging::ALL);
    assert_eq!(measurement.packaged_loads[0].size, colours.size);
    for packaged in &measurement.packaged_loads {
        assert!(packaged.loads.len() == 2 && packaged.loads.iter().all(|time| time.unpack.0 > 0 && time.load.0 > 0));
    }
    assert_eq!(std::fs::read_dir(folder.path().join("packages")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_pipeline_that_does_not_fit_fails_its_pass_and_not_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let (file, mut dense) = models::save_dense(folder.path());
    dense.pipeline = Some(models::colours_pipeline());
    let artifacts = [(dense.artifact, Ok(file))].into();
    let mut spec = spec(&[&dense], 2);
    spec.plan.frames = 5;
    let report = run(spec, &artifacts, folder.path(), &agent()).await;
    let measurement = measured(&report.runs[0]);
    assert_eq!((measurement.blocks.len(), &measurement.frames), (2, &None));
    let [FailedPass { pass: Pass::Frames, failure }] = &measurement.failed_passes[..] else { panic!("{measurement:?}") };
    assert_eq!(failure.reason, FailureReason::Unsupported);
    assert!(failure.detail.contains("x: f32 1 x 8"), "{}", failure.detail);
}

#[tokio::test]
async fn wrong_outputs_make_a_run_invalid() {
    let folder = tempfile::tempdir().unwrap();
    let (file, mut dense) = models::save_dense(folder.path());
    dense.references[0].values[1] += 0.1;
    let artifacts = [(dense.artifact, Ok(file))].into();
    let report = run(spec(&[&dense], 2), &artifacts, folder.path(), &agent()).await;
    let validity = assess(&report.spec.operating_point, report.evidence.as_ref().unwrap(), measured(&report.runs[0]));
    assert!(matches!(validity, Validity::Invalid { .. }), "{validity:?}");
    assert!(validity.reasons().iter().any(|doubt| doubt.reason == Reason::OutputsDiffer));
}

#[tokio::test]
async fn subjects_that_cannot_be_measured_do_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let (dense_file, dense) = models::save_dense(folder.path());
    let (unknown_file, unknown) = models::save(folder.path(), "unknown", &models::unknown_operator());
    let (_, never) = models::save(folder.path(), "never", b"never fetched");
    let (_, gone) = models::save(folder.path(), "gone", b"gone");
    let artifacts =
        [(dense.artifact, Ok(dense_file)), (unknown.artifact, Ok(unknown_file)), (gone.artifact, Err("not found".into()))].into();
    let report = run(spec(&[&unknown, &dense, &never, &gone], 2), &artifacts, folder.path(), &agent()).await;
    assert_eq!(failed(&report.runs[0]).0, FailureReason::UnsupportedOperator);
    assert_eq!(measured(&report.runs[1]).blocks.len(), 2);
    assert_eq!(failed(&report.runs[2]).0, FailureReason::ArtifactUnavailable);
    assert_eq!(failed(&report.runs[3]), (FailureReason::ArtifactUnavailable, "not found"));
}

/// Answers load and two runs properly, then does as told.
fn runner_until_its_third_run(then: &str) -> RunnerProgram {
    script(&format!(
        r#"{GREETING}
        read load; echo '{{"reply":"loaded","load":1,"inputs":[],"outputs":[],"evidence":{{"engine":"x","version":"1","kernels":"k","threads":1,"integer_kernels":"none","operators":[]}}}}'
        read run; echo '{{"reply":"ran","samples":[1000000000],"started":1,"suspended":0}}'
        read run; echo '{{"reply":"ran","samples":[1000000000],"started":1,"suspended":0}}'
        read run; {then}"#
    ))
}

#[tokio::test]
async fn runners_that_fail_within_the_session_fail_their_subject_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (file, dense) = models::save_dense(folder.path());
    let artifacts: Artifacts = [(dense.artifact, Ok(file))].into();
    for (then, reason) in [
        ("exit 7", FailureReason::RunnerDied),
        ("kill -SEGV $$", FailureReason::RunnerDied),
        ("echo nonsense", FailureReason::ProtocolViolated),
        (r#"echo '{"reply":"ran","samples":[],"started":1,"suspended":0}'; cat"#, FailureReason::ProtocolViolated),
        (r#"echo '{"reply":"failed","reason":"inference_failed","detail":"broken"}'; cat"#, FailureReason::InferenceFailed),
    ] {
        let report = run(spec(&[&dense], 2), &artifacts, folder.path(), &runner_until_its_third_run(then)).await;
        assert_eq!(failed(&report.runs[0]).0, reason, "{then}: {:?}", report.runs[0]);
        assert!(report.evidence.is_some(), "the session itself went on");
    }
}

#[tokio::test]
async fn an_operating_point_that_this_device_has_not_fails_every_subject() {
    let folder = tempfile::tempdir().unwrap();
    let (file, dense) = models::save_dense(folder.path());
    let artifacts = [(dense.artifact, Ok(file))].into();
    let mut spec = spec(&[&dense, &dense], 2);
    spec.operating_point.cores = Cores::List("4000".parse().unwrap());
    let report = run(spec, &artifacts, folder.path(), &agent()).await;
    assert!(report.evidence.is_none());
    assert_eq!(report.runs.len(), 2);
    let (reason, detail) = failed(&report.runs[1]);
    assert_eq!(reason, FailureReason::OperatingPointImpossible);
    assert!(detail.contains("4000"), "{detail}");
}

#[tokio::test]
async fn a_clock_that_cannot_be_pinned_here_is_said_and_the_run_is_invalid() {
    let folder = tempfile::tempdir().unwrap();
    let (file, dense) = models::save_dense(folder.path());
    let device = Device::live();
    if !probe(&device, None).policies.is_empty() {
        eprintln!("SKIPPED: this machine has cpufreq; pinning is tested on captured devices");
        return;
    }
    let artifacts = [(dense.artifact, Ok(file))].into();
    let mut spec = spec(&[&dense], 2);
    spec.operating_point.frequency = Frequency::Max;
    let report = run(spec, &artifacts, folder.path(), &agent()).await;
    let evidence = report.evidence.as_ref().unwrap();
    assert_eq!(evidence.knobs.len(), 1);
    let validity = assess(&report.spec.operating_point, evidence, measured(&report.runs[0]));
    assert!(validity.reasons().iter().any(|doubt| doubt.reason == Reason::PinRefused), "{validity:?}");
}
