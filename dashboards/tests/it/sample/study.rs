use benchrack_dashboards::view::*;
use benchrack_protocol::api::{Estimate, JobStatus, Submission};
use benchrack_protocol::ids::*;
use benchrack_protocol::study::*;
use serde_json::json;
use time::Duration;

use super::*;

fn a_study() -> Study {
    let side = |model: &str| json!({"model": model});
    let study = json!({
        "name": "squeezenet-against-mobilenet",
        "title": "Does the order by multiply-adds tell the order by latency?",
        "description": "In fp32 on one thread.",
        "claims": [
            {
                "claim": "SqueezeNet 1.1 is faster than MobileNet v1.", "source": "the talk",
                "checks": [{"says": "latency", "of": side("squeezenet-1.1"), "to": side("mobilenet-v1-1.0-224"), "at_most": 1.0}]
            },
            {
                "claim": "Equal multiply-adds are equal latency.", "source": HOSTILE,
                "checks": [
                    {"says": "multiply-adds", "figure": "macs", "of": side("nasnet-a-mobile"), "to": side("mobilenet-v1-1.0-224"), "at_least": 0.98, "at_most": 1.02},
                    {"says": "latency", "of": side("nasnet-a-mobile"), "to": side("mobilenet-v1-1.0-224"), "at_most": 1.1}
                ]
            },
            {
                "claim": LONG, "source": "somebody",
                "checks": [{"says": "fits a frame", "of": side("resnet-18"), "at_most": 33e6}, {"says": HOSTILE, "of": side("resnet-18"), "at_least": 1.0}]
            }
        ],
        "suite": {"name": "squeezenet-against-mobilenet", "models": ["*"], "together": ["model"]}
    });
    serde_json::from_value(study).unwrap()
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
    measured[0].rows.retain(|row| row.run.precision == benchrack_protocol::model::Precision::Fp32);
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
