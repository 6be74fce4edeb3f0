use benchrack_dashboards::view::*;
use benchrack_protocol::api::*;
use benchrack_protocol::ids::*;
use benchrack_protocol::model::{ElementType, Fidelity, Precision, TensorSpec};
use benchrack_protocol::packaging::Packaging;
use benchrack_protocol::problem::{Problem, ProblemCode};
use benchrack_protocol::session::OperatingPoint;
use benchrack_protocol::units::{Bytes, Nanos};
use benchrack_protocol::validity::{Doubt, EvidenceTier, Reason, Validity};
use time::Duration;

use super::*;

pub fn series_key() -> SeriesKey {
    SeriesKey {
        id: SeriesId(9),
        device: pixel(),
        os_fingerprint: "google/shiba/shiba:14/UQ1A.240205.004/11269751:user/release-keys".into(),
        model: "squeezenet-1.1".into(),
        precision: Precision::Int8,
        engine: "tract".into(),
        threads: 1,
        operating_point: pinned(),
        knobs: String::new(),
        metric: Metric::Latency,
    }
}

fn point(nth: u64, ms: f64, at: time::OffsetDateTime, revision: String) -> SeriesPoint {
    let invalid = Doubt { reason: Reason::Throttled, detail: "policy4: cap fell from 2914 MHz to 1803 MHz".into() };
    let degraded = Doubt { reason: Reason::Interference, detail: "the runner waited for a CPU in 4 of 10 blocks".into() };
    let (validity, ms) = match noise(77, nth) {
        share if share > 0.965 => (Validity::Invalid { reasons: vec![invalid] }, ms * 1.7),
        share if share > 0.93 => (Validity::Degraded { reasons: vec![degraded] }, ms * 1.03),
        _ => (Validity::Valid, ms),
    };
    SeriesPoint {
        run: RunId(1_000 + nth as i64),
        measured_at: at,
        model_revision: revision,
        engine_version: "0.23.9".into(),
        estimate: about(ms * 1e6, 0.006 + 0.006 * noise(78, nth)),
        validity,
        tier: EvidenceTier::Gold,
    }
}

/// Six weeks with two new revisions, the second slower.
pub fn series() -> SeriesView {
    let points = (0..84)
        .map(|nth| {
            let (revision, level) = match nth {
                0..30 => ("v1.4.0", 4.92),
                30..61 => ("v1.4.1", 4.78),
                _ => ("v1.4.2", 5.11),
            };
            let ms = level * (1.0 + 0.012 * (noise(70, nth) - 0.5));
            point(nth, ms, NOW - Duration::hours(12 * (84 - nth as i64)), revision.into())
        })
        .collect();
    SeriesView {
        key: series_key(),
        metrics: vec![(Metric::Latency, SeriesId(9)), (Metric::LatencyP90, SeriesId(11)), (Metric::PeakRss, SeriesId(10))],
        also: Vec::new(),
        middle: Some(4.9e6),
        elsewhere: vec![
            SeriesElsewhere {
                device: workbench(),
                series: SeriesId(21),
                recent: (0..30).map(|nth| 4e6 + 1e4 * noise(3, nth)).collect(),
            },
            SeriesElsewhere { device: twin(), series: SeriesId(31), recent: Vec::new() },
        ],
        points,
        left_out: 0,
        range: SeriesRange { points: SeriesRange::DEFAULT, until: None, earlier: None },
        baseline: Some(SeriesBaseline { run: RunId(1_000), value: 4.92e6, change: Some(0.038) }),
        catches: vec![super::alerts::catches(1, "pixel-8", Some(0.054))],
        marks: vec![
            SeriesMark {
                run: RunId(1_061),
                kind: "confirmed".into(),
                detail: "measured again: slower, by gate 17".into(),
                change: Some(0.069),
                at: NOW - Duration::hours(5),
            },
            SeriesMark {
                run: RunId(1_030),
                kind: "infrastructure".into(),
                detail: "agent 0.1.0 for aarch64-linux-android to <0.2.0>".into(),
                change: None,
                at: NOW - Duration::days(20),
            },
        ],
        axis: SeriesAxis::Time,
    }
}

pub fn series_by_order() -> SeriesView {
    SeriesView { axis: SeriesAxis::Order, ..series() }
}

/// Beside another device that slowed down with it, and one that was not measured in this time.
pub fn series_together() -> SeriesView {
    let view = series();
    let also = view.points.iter().enumerate().map(|(nth, point)| AlsoPoint {
        run: RunId(9_000 + nth as i64),
        measured_at: point.measured_at + Duration::minutes(7),
        value: if nth < 61 { 9.1e6 } else { 9.7e6 } * (1.0 + 0.01 * noise(5, nth as u64)),
    });
    let also = vec![
        SeriesAlso { device: workbench(), series: SeriesId(21), points: also.collect(), middle: Some(9.1e6) },
        SeriesAlso { device: twin(), series: SeriesId(22), points: Vec::new(), middle: None },
    ];
    SeriesView { also, ..view }
}

/// Ten thousand points over two years, with many revisions.
pub fn series_many() -> SeriesView {
    let points = (0..10_000_u64)
        .map(|nth| {
            let ms = 4.9 * (1.0 + 0.00001 * nth as f64 + 0.02 * (noise(70, nth) - 0.5));
            point(nth, ms, NOW - Duration::minutes(105 * (10_000 - nth as i64)), format!("r{}", nth / 120))
        })
        .collect();
    let range = SeriesRange { points: SeriesRange::MOST, until: Some(RunId(9)), earlier: Some(RunId(8)) };
    SeriesView { points, left_out: 2_345, range, ..series() }
}

pub fn series_empty() -> SeriesView {
    SeriesView {
        points: Vec::new(),
        baseline: None,
        marks: Vec::new(),
        metrics: vec![(Metric::Latency, SeriesId(9))],
        elsewhere: Vec::new(),
        ..series()
    }
}

/// One point of a metric in bytes, by somebody with a hostile revision.
pub fn series_one() -> SeriesView {
    let mut point = series().points[3].clone();
    point.model_revision = HOSTILE.into();
    point.estimate = exact(41.2e6);
    let key = SeriesKey { metric: Metric::PeakRss, model: HOSTILE.into(), device: twin(), ..series_key() };
    SeriesView { key, points: vec![point], ..series() }
}

pub fn series_list() -> SeriesListView {
    let recent =
        series().points.iter().filter(|point| point.validity == Validity::Valid).map(|point| point.estimate.value).collect();
    let row = |key, latest, recent| SeriesRow { key, points: 84, latest, recent };
    SeriesListView {
        facets: vec![Facet {
            name: "metric".into(),
            options: ["", "latency", "peak_rss"]
                .map(|value| FacetOption { value: value.into(), label: value.into(), chosen: value == "latency" })
                .into(),
        }],
        rows: vec![
            row(series_key(), series().points.last().cloned(), recent),
            row(
                SeriesKey { id: SeriesId(10), metric: Metric::PeakRss, model: HOSTILE.into(), device: twin(), ..series_key() },
                None,
                Vec::new(),
            ),
        ],
        more: Some("/series?metric=latency&after=10".into()),
    }
}

pub fn series_list_empty() -> SeriesListView {
    SeriesListView { facets: Vec::new(), rows: Vec::new(), more: None }
}

fn side(model: &str, precision: Precision) -> GateSide {
    GateSide { model: model.into(), precision, artifact: artifact(model), engine: "tract".into(), threads: 1 }
}

fn gate_comparison(verdict: Verdict, change: Estimate, detail: &str) -> GateComparison {
    GateComparison {
        metric: "latency".into(),
        verdict,
        change: Some(change),
        baseline: Some(4_980_000.0),
        candidate: Some(Estimate::exact(4_980_000.0 * (1.0 + change.value))),
        limit: 0.02,
        budget: false,
        detail: detail.into(),
    }
}

fn gate_device(device: &str, verdict: Verdict, effect: Option<(f64, f64, f64)>, detail: &str) -> GateDevice {
    let effect = effect.map(|(value, low, high)| Estimate::within(value, low, high));
    GateDevice {
        device: device.into(),
        session: effect.map(|_| SessionId(16)),
        verdict,
        detail: detail.into(),
        effect,
        pairs: if effect.is_some() { 20 } else { 0 },
        medians: effect.map(|effect| (Nanos(4_980_000), Nanos((4_980_000.0 * (1.0 + effect.value)) as u64))),
        comparisons: effect.map(|effect| gate_comparison(verdict, effect, detail)).into_iter().collect(),
        device_time: effect.map(|_| Nanos(14_200_000_000)),
        more_time: None,
    }
}

fn job(id: i64, state: &str) -> JobStatus {
    JobStatus {
        id: JobId(id),
        device: DeviceId(id),
        state: state.into(),
        title: "baseline, candidate".into(),
        progress: (state == "leased").then(|| Heartbeat::of("measuring", 3, 20)),
        session: (state == "done").then_some(SessionId(16)),
        failure: (state == "failed").then(|| HOSTILE.into()),
    }
}

/// Slower on one device, in doubt on another.
pub fn gate() -> GateView {
    GateView {
        gate: Gate {
            id: GateId(12),
            rules: GateRules::default(),
            jobs: vec![job(1, "done"), job(2, "done"), job(3, "done"), job(4, "failed")],
            outcome: Some(GateOutcome {
                verdict: Verdict::Slower,
                summary: "slower than the 2 % that are accepted on 1 of 4 devices, most on pixel-8: +6.3 %".into(),
                devices: vec![
                    gate_device(
                        "pixel-8",
                        Verdict::Slower,
                        Some((0.063, 0.051, 0.074)),
                        "slower by more than the 2 % that are accepted",
                    ),
                    gate_device(
                        "workbench",
                        Verdict::NotSlower,
                        Some((-0.004, -0.013, 0.006)),
                        "within the 2 % that are accepted; 2 of 22 rounds were disturbed by others and left out",
                    ),
                    gate_device(
                        "galaxy-a14",
                        Verdict::Inconclusive,
                        Some((0.017, -0.012, 0.045)),
                        "20 pairs leave it open, 55 would probably decide: measure longer",
                    ),
                    gate_device(
                        HOSTILE,
                        Verdict::Inconclusive,
                        None,
                        "the candidate's run is invalid: throttled, policy0: cap fell from 2.80 GHz to 1.90 GHz",
                    ),
                ],
                more_time: Some(Nanos(360_000_000_000)),
            }),
        },
        baseline: side("app-main", Precision::Int8),
        candidate: side("app-pr-412", Precision::Int8),
        operating_point: OperatingPoint::default(),
        devices: vec![workbench(), pixel(), twin()],
        submitted_at: NOW - Duration::minutes(11),
        decided_at: Some(NOW - Duration::minutes(2)),
        has_receipt: true,
    }
}

/// One model on two builds of an engine, still being measured.
pub fn gate_open() -> GateView {
    let gate = gate();
    let on = |version: &str| GateSide { engine: format!("onnxruntime@{version}"), ..gate.baseline.clone() };
    let (baseline, candidate) = (on("1.31.1"), on("1.32.0"));
    GateView {
        baseline,
        candidate,
        gate: Gate { outcome: None, jobs: vec![job(1, "done"), job(2, "leased"), job(3, "queued")], ..gate.gate },
        decided_at: None,
        has_receipt: false,
        ..gate
    }
}

pub fn gates() -> GateListView {
    let row = |id, candidate: &str, verdict, summary: &str| GateRow {
        id: GateId(id),
        baseline: side("app-main", Precision::Int8),
        candidate: side(candidate, Precision::Int8),
        submitted_at: NOW - Duration::minutes(id * 7 % 600),
        verdict,
        summary: summary.into(),
        jobs_done: if verdict.is_some() { 3 } else { 1 },
        jobs: 3,
    };
    GateListView {
        rows: vec![
            row(13, "app-pr-415", None, ""),
            row(
                12,
                "app-pr-412",
                Some(Verdict::Slower),
                "slower than the 2 % that are accepted on 1 of 4 devices, most on pixel-8: +6.3 %",
            ),
            row(11, HOSTILE, Some(Verdict::NotSlower), "within the 2 % that are accepted on all 3 devices, at most +0.4 %"),
            row(
                10,
                LONG,
                Some(Verdict::Inconclusive),
                "inconclusive: 1 device in doubt, none slower; about 6.0 device-minutes more would probably tell",
            ),
        ],
        older: Some("/gates?before=10".into()),
    }
}

pub fn gates_empty() -> GateListView {
    GateListView { rows: Vec::new(), older: None }
}

pub fn models() -> ModelsView {
    let input = TensorSpec { name: "input".into(), element: ElementType::F32, shape: vec![1, 3, 224, 224] };
    let row = |id, name: &str, family: &str, precision, size, parameters, macs| ModelRow {
        id: ModelId(id),
        name: name.into(),
        precision,
        family: family.into(),
        artifact: artifact(name),
        size: Bytes(size),
        inputs: vec![input.clone()],
        parameters,
        macs,
        fidelity: (precision == Precision::Int8).then_some(Fidelity { sqnr_db: 31.4, top1_agreement: 0.985, images: 256 }),
        claimed_accuracy: None,
        opset: 18,
        revision: String::new(),
        origin: "benchrack-zoo 0.1.0, seed 1".into(),
        licence: "MIT OR Apache-2.0".into(),
        notes: Vec::new(),
        added_at: NOW - Duration::hours(30),
        packages: Vec::new(),
        superseded: false,
        has_earlier: precision == Precision::Int8,
        runs: 12,
    };
    let mut own = row(7, HOSTILE, LONG, Precision::Fp32, 46_800_000, None, None);
    own.claimed_accuracy = Some(0.713);
    own.revision = "pr-412".into();
    own.origin = "added by hand".into();
    own.licence = String::new();
    own.notes = vec!["dimension N of input was left open; 1 was taken".into()];
    let mut packed = row(4, "squeezenet-1.1", "squeezenet", Precision::Int8, 1_250_000, Some(1_235_496), Some(349_151_936));
    let time = Estimate { level: Some(0.9375), ..about(45.1e6, 0.02) };
    packed.packages = vec![
        ModelPackage { packaging: Packaging::Raw, size: Some(Bytes(1_250_000)), load: None },
        ModelPackage {
            packaging: Packaging::Zstd,
            size: Some(Bytes(1_131_000)),
            load: Some(PackageLoad { time, run: RunId(61), device: HOSTILE.into() }),
        },
        ModelPackage {
            packaging: Packaging::ZstdThenEncrypted,
            size: None,
            load: Some(PackageLoad { time, run: RunId(62), device: "pixel-8".into() }),
        },
    ];
    let mut old = row(3, "resnet-18", "resnet", Precision::Fp32, 46_800_000, Some(11_689_512), Some(1_814_073_344));
    old.superseded = true;
    ModelsView {
        of: None,
        older: None,
        rows: vec![
            row(1, "mobilenet-v1-1.0-224", "mobilenet-v1", Precision::Fp32, 16_900_000, Some(4_231_976), Some(568_740_352)),
            row(2, "mobilenet-v1-1.0-224", "mobilenet-v1", Precision::Int8, 4_300_000, Some(4_231_976), Some(568_740_352)),
            packed,
            old,
            own,
        ],
    }
}

pub fn models_empty() -> ModelsView {
    ModelsView { of: None, rows: Vec::new(), older: None }
}

pub fn login() -> LoginView {
    LoginView { next: "/compare?device=1&base=a\"b".into(), failure: Some("This token is unknown or was revoked.".into()) }
}

pub fn error() -> ErrorView {
    let mut problem = Problem::new(ProblemCode::NotFound, format!("there is no device '{HOSTILE}'; /rack lists all"));
    problem.request_id = Some("01HF3Z".into());
    ErrorView { problem }
}

pub fn search() -> SearchView {
    let hit =
        |kind, name: &str, detail: &str, href: &str| Hit { kind, name: name.into(), detail: detail.into(), href: href.into() };
    SearchView {
        query: "pixel & \"more\"".into(),
        address: "q=pixel+%26+%22more%22".into(),
        hits: vec![
            hit(HitKind::Device, "pixel-8", "Google Pixel 8", "/devices/2"),
            hit(HitKind::Model, HOSTILE, "int8", "/models?of=7"),
            hit(HitKind::Run, "12", "squeezenet-1.1 on pixel-8", "/runs/12"),
        ],
        more: true,
    }
}

pub fn search_nothing() -> SearchView {
    SearchView { query: HOSTILE.into(), address: "q=x".into(), hits: Vec::new(), more: false }
}
