//! Alerts in every state, and what the farm measured of itself.

use benchrack_dashboards::view::{AlertListView, AlertView, SelfTestView};
use benchrack_protocol::alert::*;
use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::ids::*;
use benchrack_protocol::model::Precision;
use time::Duration;

use super::{HOSTILE, NOW, RIGHT_TO_LEFT};

fn revision(model: i64, revision: &str, run: Option<i64>) -> RevisionRef {
    RevisionRef {
        model: ModelId(model),
        name: "mobilenet-v2-1.0-224".into(),
        precision: Precision::Int8,
        revision: revision.into(),
        artifact: ArtifactId::of(revision.as_bytes()),
        engine: None,
        run: run.map(RunId),
    }
}

fn finding(device: i64, name: &str, effect: Option<Estimate>) -> Finding {
    Finding {
        series: SeriesId(9 + device),
        device: DeviceId(device),
        device_name: name.into(),
        metric: Metric::Latency,
        good: revision(40, "v1.4.1", Some(1_060)),
        bad: revision(41, "v1.4.2-rc1", None),
        suspects: 1,
        effect,
        gate: Some(GateId(17)),
        found_at: NOW - Duration::hours(5),
    }
}

fn regression() -> Alert {
    Alert {
        id: AlertId(3),
        kind: AlertKind::Regression,
        title: "mobilenet-v2-1.0-224 int8 v1.4.2-rc1: latency +6.9 % on 2 devices".into(),
        state: TriageState::Confirmed,
        owner: Some("ada".into()),
        reason: None,
        due_at: Some(NOW - Duration::days(1)),
        raised_at: NOW - Duration::days(3),
        changed_at: NOW - Duration::hours(5),
        findings: vec![
            finding(1, "pixel-8", Some(Estimate::within(0.069, 0.051, 0.088))),
            finding(2, "workbench", Some(Estimate::within(0.054, 0.031, 0.077))),
        ],
    }
}

fn drift() -> Alert {
    let found = finding(4, RIGHT_TO_LEFT, Some(Estimate::within(-0.112, -0.131, -0.09)));
    Alert {
        id: AlertId(4),
        kind: AlertKind::DeviceDrift,
        title: HOSTILE.into(),
        state: TriageState::Ignored,
        owner: None,
        reason: Some(HOSTILE.into()),
        due_at: Some(NOW + Duration::days(30)),
        raised_at: NOW - Duration::hours(5),
        changed_at: NOW,
        findings: vec![Finding { gate: None, bad: revision(40, "v1.4.1", Some(1_088)), ..found }],
    }
}

fn larger_file() -> Alert {
    let found = Finding {
        metric: Metric::ModelSize,
        gate: None,
        bad: revision(42, "", Some(1_090)),
        suspects: 3,
        ..finding(1, "pixel-8", Some(Estimate::exact(0.34)))
    };
    Alert {
        id: AlertId(5),
        title: "mobilenet-v2-1.0-224 int8 0b1d5f0c6a55: model_size +34.0 % on pixel-8".into(),
        state: TriageState::New,
        owner: None,
        due_at: None,
        raised_at: NOW - Duration::minutes(4),
        findings: vec![found, Finding { effect: None, ..finding(1, "pixel-8", None) }],
        ..regression()
    }
}

pub fn alerts() -> AlertListView {
    AlertListView { state: None, rows: vec![larger_file(), drift(), regression()], older: Some("/alerts?before=3".into()) }
}

pub fn alerts_empty() -> AlertListView {
    AlertListView { state: Some(TriageState::Expected), rows: Vec::new(), older: None }
}

pub fn alert() -> AlertView {
    AlertView { alert: regression() }
}

pub fn alert_drift() -> AlertView {
    AlertView { alert: drift() }
}

pub fn alert_exact() -> AlertView {
    AlertView { alert: larger_file() }
}

pub fn catches(device: i64, name: &str, more_macs: Option<f64>) -> Catches {
    Catches {
        device: DeviceId(device),
        device_name: name.into(),
        baseline: "mobilenet-v1-1.0-224".into(),
        more_macs,
        at_least: more_macs.map(|_| 0.928),
    }
}

pub fn self_test() -> SelfTestView {
    let planted = |device: i64, name: &str, more_macs: f64, slower: u32, not_slower: u32| Planted {
        device: DeviceId(device),
        device_name: name.into(),
        baseline: "mobilenet-v1-1.0-224".into(),
        candidate: HOSTILE.into(),
        more_macs,
        count: SelfTestCount { gates: 40, slower, not_slower, inconclusive: 40 - slower - not_slower },
    };
    let unchanged = |device: i64, name: &str, slower: u32, not_slower: u32, most| Unchanged {
        device: DeviceId(device),
        device_name: name.into(),
        model: "mobilenet-v1-1.0-224".into(),
        count: SelfTestCount { gates: slower + not_slower + 3, slower, not_slower, inconclusive: 3 },
        false_alarms_at_most: most,
    };
    SelfTestView {
        report: SelfTest {
            unchanged: SelfTestCount { gates: 320, slower: 1, not_slower: 312, inconclusive: 7 },
            false_alarms_at_most: Some(0.014_7),
            unchanged_by_device: vec![
                unchanged(1, "pixel-8", 1, 272, Some(0.017_3)),
                unchanged(2, RIGHT_TO_LEFT, 0, 41, Some(0.060_5)),
            ],
            catches: vec![catches(1, "pixel-8", Some(0.054)), catches(2, RIGHT_TO_LEFT, None)],
            planted: vec![
                planted(1, "pixel-8", 0.027, 21, 3),
                planted(1, "pixel-8", 0.054, 40, 0),
                planted(2, RIGHT_TO_LEFT, 0.054, 12, 2),
            ],
        },
    }
}

pub fn self_test_empty() -> SelfTestView {
    let report = SelfTest {
        unchanged: SelfTestCount::default(),
        false_alarms_at_most: None,
        unchanged_by_device: Vec::new(),
        planted: Vec::new(),
        catches: Vec::new(),
    };
    SelfTestView { report }
}
