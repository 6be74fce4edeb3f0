use benchrack_dashboards::view::*;
use benchrack_protocol::api::{Estimate, JobStatus, Submission};
use benchrack_protocol::ids::*;
use benchrack_protocol::model::Precision;
use benchrack_protocol::session::MeasurePlan;
// Named, because the views have a Figure of their own.
use benchrack_protocol::study::Figure;
use benchrack_protocol::study::*;
use benchrack_protocol::suite::{Axis, Suite};
use time::Duration;

use super::*;

fn side(model: &str) -> Side {
    Side { model: model.into(), precision: Precision::Fp32, engine: None, threads: None, figure: None }
}

fn asked(says: &str, figure: Figure, of: &str, to: Option<&str>, bounds: (Option<f64>, Option<f64>)) -> Check {
    Check { says: says.into(), figure, of: side(of), to: to.map(side), at_least: bounds.0, at_most: bounds.1 }
}

fn claim(claim: &str, source: &str, checks: Vec<Check>) -> Claim {
    Claim { claim: claim.into(), source: source.into(), checks }
}

fn a_study() -> Study {
    let (mobilenet, latency) = (Some("mobilenet-v1-1.0-224"), Figure::default());
    Study {
        name: "squeezenet-against-mobilenet".into(),
        title: "Does the order by multiply-adds tell the order by latency?".into(),
        description: "In fp32 on one thread.".into(),
        sessions: 1,
        table: false,
        claims: vec![
            claim(
                "SqueezeNet 1.1 is faster than MobileNet v1.",
                "the talk",
                vec![asked("latency", latency, "squeezenet-1.1", mobilenet, (None, Some(1.0)))],
            ),
            claim(
                "Equal multiply-adds are equal latency.",
                HOSTILE,
                vec![
                    asked("multiply-adds", Figure::Macs, "nasnet-a-mobile", mobilenet, (Some(0.98), Some(1.02))),
                    asked("latency", latency, "nasnet-a-mobile", mobilenet, (None, Some(1.1))),
                ],
            ),
            claim(
                LONG,
                "somebody",
                vec![
                    asked("fits a frame", latency, "resnet-18", None, (None, Some(33e6))),
                    asked(HOSTILE, latency, "resnet-18", None, (Some(1.0), None)),
                ],
            ),
        ],
        suite: Suite {
            name: "squeezenet-against-mobilenet".into(),
            description: String::new(),
            models: vec!["*".into()],
            precisions: vec![Precision::Fp32],
            engines: vec!["tract".into()],
            together: vec![Axis::Model],
            threads: vec![1],
            cores: vec![Default::default()],
            frequencies: vec![Default::default()],
            plan: MeasurePlan::default(),
        },
    }
}

fn check(verdict: StudyVerdict, measured: Option<Estimate>, basis: Option<Basis>, words: [&str; 2]) -> CheckResult {
    let [detail, needed] = words.map(str::to_owned);
    CheckResult { verdict, measured, basis, detail, needed, sessions: vec![SessionId(7)] }
}

fn answers() -> Vec<ClaimResult> {
    use StudyVerdict::{CannotTell, DoesNotHold, Holds};
    let left_out = "2 of 16 rounds were disturbed by others and left out";
    let checks = [
        vec![check(Holds, Some(about(0.594, 0.02)), Some(Basis::PairedBlocks { pairs: 14 }), [left_out, ""])],
        vec![
            check(Holds, Some(exact(0.9991)), Some(Basis::Exact), ["", ""]),
            check(DoesNotHold, Some(about(1.88, 0.03)), Some(Basis::PairedBlocks { pairs: 16 }), ["", ""]),
        ],
        vec![
            check(CannotTell, Some(about(33.1e6, 0.04)), Some(Basis::OneSide), ["", "another bound: the value lies too near"]),
            check(CannotTell, None, None, [HOSTILE, "a device that has nothing else to do"]),
        ],
    ];
    let claim = |checks: Vec<CheckResult>| ClaimResult {
        verdict: StudyVerdict::of_all(checks.iter().map(|check| check.verdict)),
        checks,
    };
    checks.into_iter().map(claim).collect()
}

fn device(device: &DeviceRef) -> StudyDevice {
    StudyDevice {
        device: device.id,
        name: device.name.clone(),
        title: device.title.clone(),
        reality: device.reality,
        claims: answers(),
    }
}

fn jobs(states: &[&str]) -> Vec<JobStatus> {
    let job = |(nth, state): (usize, &&str)| JobStatus {
        id: JobId(nth as i64 + 1),
        device: DeviceId(1),
        state: (*state).into(),
        title: "4 models, tract".into(),
        progress: None,
        session: None,
        failure: None,
    };
    states.iter().enumerate().map(job).collect()
}

/// Claims of every verdict on a real device and on a twin.
pub fn study() -> StudyView {
    let mut measured = compare().devices;
    measured[0].rows.retain(|row| row.run.precision == Precision::Fp32);
    StudyView {
        report: StudyReport {
            id: StudyId(5),
            study: a_study(),
            submission: Submission {
                id: SubmissionId(8),
                suite: "squeezenet-against-mobilenet".into(),
                submitted_at: NOW - Duration::minutes(25),
                jobs: jobs(&["done", "done"]),
            },
            engines_left_out: Vec::new(),
            devices: vec![device(&workbench()), device(&twin())],
        },
        measured,
    }
}

/// While it is measured, with an engine that the farm lacks, and with the table of everything.
pub fn study_open() -> StudyView {
    let mut view = study();
    view.report.study.table = true;
    view.report.engines_left_out = vec!["onnxruntime".into()];
    view.report.submission.jobs = jobs(&["done", "leased", "queued"]);
    view
}

pub fn studies() -> StudyListView {
    let row = |id, name: &str, title: &str, over| StudyListed {
        id: StudyId(id),
        name: name.into(),
        title: title.into(),
        submitted_at: NOW - Duration::minutes(id * 13),
        jobs: 4,
        over,
    };
    StudyListView {
        rows: vec![
            row(9, "architectures", "Which architecture is to be shipped on this device?", 1),
            row(5, "squeezenet-against-mobilenet", HOSTILE, 4),
            row(2, LONG, RIGHT_TO_LEFT, 4),
        ],
        older: Some("/studies?before=2".into()),
    }
}

pub fn studies_empty() -> StudyListView {
    StudyListView { rows: Vec::new(), older: None }
}
