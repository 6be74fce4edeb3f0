use benchrack_dashboards::view::*;
use benchrack_protocol::adapter::{Adapter, Summary};
use benchrack_protocol::api::{Engine, Estimate, Metric, Run};
use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::energy::{EnergySource, Slice, SustainedRun};
use benchrack_protocol::engine::{EngineBuild, EngineEvidence, EngineRef, IntegerKernels};
use benchrack_protocol::evidence::*;
use benchrack_protocol::ids::*;
use benchrack_protocol::model::{Fidelity, Precision, Published};
use benchrack_protocol::packaging::{LoadTime, PackagedLoad, Packaging};
use benchrack_protocol::pipeline::{
    ChannelOrder, Fit, FrameSource, FrameTime, Frames, Layout, Orientation, Pipeline, PixelFormat, PostProcessing, ResizeFilter,
};
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::report::*;
use benchrack_protocol::runner::{FailureReason, MemoryFigures, OperatorTime};
use benchrack_protocol::session::{MeasurePlan, OperatingPoint};
use benchrack_protocol::tensor::Comparison;
use benchrack_protocol::units::*;
use benchrack_protocol::validity::{Doubt, Reason, Validity};
use time::Duration;

use super::*;

fn samples(seed: u64, count: u64, ms: f64) -> Vec<Nanos> {
    (0..count)
        .map(|nth| {
            let spread = noise(seed, nth) + noise(seed + 1, nth) + noise(seed + 2, nth) * noise(seed + 3, nth) * 2.0;
            let hiccup = if noise(seed + 9, nth) > 0.985 { 1.9 + noise(seed, nth * 7) * 3.0 } else { 1.0 };
            Nanos((ms * 1e6 * (0.97 + 0.03 * spread) * hiccup) as u64)
        })
        .collect()
}

fn blocks(seed: u64, ms: f64, place: u32) -> Vec<Block> {
    (0..10)
        .map(|round| Block {
            round,
            place: if round % 2 == 0 { place } else { 1 - place },
            started: Nanos(
                u64::from(round) * 230_000_000 + u64::from(if round % 2 == 0 { place } else { 1 - place }) * 112_000_000,
            ),
            samples: samples(seed + u64::from(round) * 20, (100.0 / ms) as u64, ms),
            suspended: Nanos(0),
            waiting_share: if round == 3 {
                Reading::missing(Missing::Unavailable, "the thread ended before its schedstat was read")
            } else {
                Reading::of(0.004 * noise(seed, u64::from(round)))
            },
            turns: Vec::new(),
        })
        .collect()
}

pub fn measurement() -> Measurement {
    let memory = |scale: u64| MemoryFigures {
        peak_rss: Some(Bytes(21_400_000 * scale)),
        rss: Some(Bytes(20_100_000 * scale)),
        pss: Some(Bytes(18_900_000 * scale)),
        pss_anonymous: Some(Bytes(14_200_000 * scale)),
        pss_file: None,
        rss_anonymous: None,
        rss_file: None,
    };
    let operators = [
        ("conv1", "Conv", 812_000),
        ("fire2/squeeze", "Conv", 401_000),
        ("pool1", "MaxPool", 190_300),
        ("softmax", "Softmax", 4_100),
    ];
    Measurement {
        load: Nanos(41_200_000),
        first_inference: Nanos(11_800_000),
        warmup: Warmup {
            samples: (0..24)
                .map(|nth| Nanos((4.9e6 * (1.0 + 0.8 * (-(nth as f64) / 4.0).exp() + 0.02 * noise(5, nth))) as u64))
                .collect(),
            steady: true,
        },
        blocks: blocks(11, 4.9, 0),
        fresh_runners: Vec::new(),
        memory_before: memory(1),
        memory: memory(2),
        outputs: OutputCheck::Compared {
            outputs: vec![("softmax".into(), Comparison { max_relative_error: 2.1e-5, cosine: 0.999_999, within: true })],
        },
        engine: EngineEvidence {
            engine: "tract".into(),
            version: "0.23.9".into(),
            kernels: "avx512_vnni".into(),
            threads: 1,
            executed: vec![(Precision::Int8, 26)],
            settings: Vec::new(),
            integer_kernels: IntegerKernels::All,
            operators: vec![("OptMatMul".into(), 26), ("MaxPool".into(), 3), (HOSTILE.into(), 1)],
        },
        threads: vec![
            ThreadPlacement {
                tid: 4711,
                name: "runner".into(),
                allowed: Reading::of(CpuSet::from_iter(4..=7)),
                last_cpu: Reading::of(5),
            },
            ThreadPlacement {
                tid: 4712,
                name: HOSTILE.into(),
                allowed: Reading::of(CpuSet::from_iter(0..=7)),
                last_cpu: Reading::missing(Missing::Unavailable, "the thread had ended"),
            },
        ],
        summary: None,
        frames: None,
        packaged_loads: Vec::new(),
        failed_passes: vec![FailedPass {
            pass: Pass::PackagedLoads,
            failure: Failure { reason: FailureReason::RunnerDied, detail: format!("the runner was killed by {HOSTILE}") },
        }],
        energy: None,
        sustained: None,
        profile: operators
            .map(|(name, operator, ns)| OperatorTime { name: name.into(), operator: operator.into(), time: Nanos(ns) })
            .into(),
    }
}

pub fn evidence() -> SessionEvidence {
    let knob = |outcome, read_back: &str| KnobEvidence {
        knob: "cpufreq/policy4/scaling_max_freq".into(),
        before: Reading::of("2367000".into()),
        asked: "1401000".into(),
        read_back: Reading::of(read_back.into()),
        outcome,
        restored: true,
        helpful: false,
    };
    SessionEvidence {
        settle: SettleEvidence {
            waited: Nanos(3_200_000_000),
            timed_out: false,
            hindrance: None,
            detail: String::new(),
            load_1min: Reading::of(0.4),
            cpu_pressure: Reading::missing(Missing::Denied, "/proc/pressure/cpu: Permission denied"),
        },
        knobs: vec![knob(KnobOutcome::Held, "1401000"), knob(KnobOutcome::Overridden, "1803000")],
        asked_knobs: Vec::new(),
        targets: Vec::new(),
        true_frequencies: Vec::new(),
        cpus: CpuSet::from_iter(4..=7),
        watch: (0..24)
            .map(|nth| WatchSample {
                online: None,
                at: Nanos(nth * 100_000_000),
                clocks: vec![
                    ClockSample {
                        policy: "cpufreq/policy4".into(),
                        frequency: Reading::of(Kilohertz(if nth > 16 { 1_100_000 } else { 1_401_000 })),
                        cap: Reading::of(Kilohertz(if nth > 15 { 1_197_000 } else { 2_367_000 })),
                    },
                    ClockSample {
                        policy: "cpufreq/policy8".into(),
                        frequency: if nth % 5 == 3 {
                            Reading::missing(Missing::Unavailable, "EAGAIN")
                        } else {
                            Reading::of(Kilohertz(500_000 + 100_000 * (nth % 3)))
                        },
                        cap: Reading::missing(Missing::Denied, ""),
                    },
                ],
                temperatures: vec![
                    ("BIG".into(), Reading::of(Millicelsius(38_000 + nth as i64 * 410))),
                    ("battery".into(), Reading::of(Millicelsius(30_100 + nth as i64 * 30))),
                ],
                cooling: Vec::new(),
                cpu_pressure: Reading::of(0.3 + noise(3, nth)),
                current: Reading::missing(Missing::NotAsked, ""),
                voltage: Reading::missing(Missing::NotAsked, ""),
            })
            .collect(),
        residency: vec![
            ResidencyEvidence {
                policy: "cpufreq/policy4".into(),
                cpus: CpuSet::from_iter(4..=7),
                time_in_state: Reading::of(vec![
                    StateTime { frequency: Kilohertz(1_401_000), ticks: 168 },
                    StateTime { frequency: Kilohertz(1_100_000), ticks: 62 },
                ]),
                transitions: Reading::of(2),
                hardware_max: Reading::of(Kilohertz(2_367_000)),
            },
            ResidencyEvidence {
                policy: "cpufreq/policy8".into(),
                cpus: CpuSet::from_iter([8]),
                time_in_state: Reading::missing(Missing::Absent, "no stats folder"),
                transitions: Reading::missing(Missing::Absent, "no stats folder"),
                hardware_max: Reading::of(Kilohertz(2_914_000)),
            },
        ],
        steal_share: Reading::missing(Missing::Absent, "no steal column on this kernel"),
    }
}

fn bare_evidence() -> SessionEvidence {
    SessionEvidence {
        knobs: Vec::new(),
        targets: Vec::new(),
        true_frequencies: Vec::new(),
        watch: Vec::new(),
        residency: Vec::new(),
        steal_share: Reading::of(0.012),
        cpus: CpuSet::from_iter(0..=1),
        ..evidence()
    }
}

fn provenance() -> Provenance {
    Provenance {
        agent: AgentBuild { version: "0.1.0".into(), target: "aarch64-linux-musl".into() },
        os_fingerprint: "google/shiba/shiba:14/UQ1A.240205.004/11269751:user/release-keys".into(),
        report: "2f0c4f1e-6c1f-4d1b-9a57-0d5e3a1b7c11".into(),
        started_at: NOW - Duration::minutes(4),
        received_at: NOW - Duration::minutes(3),
        duration: Nanos(31_700_000_000),
    }
}

/// A run that counts.
pub fn run_valid() -> RunView {
    let run = run(61, &pixel(), "squeezenet-1.1", Precision::Int8, 1, 4.98);
    RunView {
        run,
        device_title: "Google Pixel 8".into(),
        model: RunModel {
            id: ModelId(4),
            family: "squeezenet".into(),
            revision: "v1.4.2".into(),
            size: Bytes(1_253_496),
            parameters: Some(1_235_496),
            macs: Some(349_151_936),
            fidelity: Some(Fidelity { sqnr_db: 31.4, top1_agreement: 0.985, images: 256 }),
            published: vec![Published { what: "macs".into(), figure: "352M".into(), source: "imgclsmob model table".into() }],
            claimed_accuracy: Some(0.581),
        },
        measurement: Some(measurement()),
        spread: Some(Spread { samples: 200, mean_ns: 5.13e6, mad_ns: 0.08e6, min_ns: 4.76e6, max_ns: 21.9e6, multimodal: false }),
        frame_inference: None,
        packaged: Vec::new(),
        energy: None,
        sustained: None,
        engine: None,
        evidence: Some(bare_evidence()),
        plan: MeasurePlan::default(),
        provenance: provenance(),
        series: vec![(Metric::Latency, SeriesId(9)), (Metric::PeakRss, SeriesId(10))],
    }
}

/// A run that does not count, with all the evidence there can be.
pub fn run_invalid() -> RunView {
    let view = run_valid();
    let mut measurement = measurement();
    measurement.warmup.steady = false;
    measurement.outputs = OutputCheck::Compared {
        outputs: vec![(HOSTILE.into(), Comparison { max_relative_error: 0.41, cosine: 0.87, within: false })],
    };
    let mut run = throttled(view.run.clone());
    run.label = HOSTILE.into();
    run.operating_point = pinned();
    RunView { run, measurement: Some(measurement), evidence: Some(evidence()), spread: None, ..view }
}

/// A run that failed before anything was measured.
pub fn run_failed() -> RunView {
    let view = run_valid();
    RunView { run: failed(view.run.clone()), measurement: None, spread: None, evidence: None, series: Vec::new(), ..view }
}

fn engine(name: &str, version: &str, megabytes: u64) -> Engine {
    let digest = ArtifactId::of(format!("{name} {version}").as_bytes());
    Engine {
        id: EngineId(3),
        build: EngineBuild {
            engine: EngineRef { build: Some(digest), ..EngineRef::named(name) },
            version: version.into(),
            target: "aarch64-linux-gnu".into(),
            licence: "MIT".into(),
            size: Bytes(megabytes * 1_000_000),
            installed_size: Bytes(megabytes * 1_000_000),
            origin: format!("PyPI {name} {version}"),
        },
        added_at: NOW - Duration::days(3),
    }
}

/// A run on ONNX Runtime with whole frames and loads from packages.
pub fn run_frames() -> RunView {
    let mut view = run_valid();
    let time = |nth: u64| {
        let part = |ms: f64, seed: u64| Nanos((ms * 1e6 * (1.0 + 0.08 * noise(seed, nth))) as u64);
        let (conversion, inference, post) = (part(1.21, 41), part(4.9, 42), part(0.06, 43));
        FrameTime { conversion, inference, post, total: Nanos(conversion.0 + inference.0 + post.0 + 900) }
    };
    let pipeline = Pipeline {
        source: FrameSource { format: PixelFormat::Nv21, width: 1280, height: 720, orientation: Orientation::Rotate90, seed: 1 },
        fit: Fit::CentreCrop,
        filter: ResizeFilter::Bilinear,
        channels: ChannelOrder::Rgb,
        mean: [123.675, 116.28, 103.53],
        std: [58.395, 57.12, 57.375],
        layout: Layout::Nchw,
        post: PostProcessing::TopK { k: 5 },
    };
    let loads =
        |unpack: u64| (0..5).map(|nth| LoadTime { unpack: Nanos(unpack + nth * 10_000), load: Nanos(41_000_000) }).collect();
    if let Some(measurement) = &mut view.measurement {
        measurement.frames = Some(Frames { pipeline, times: (0..30).map(time).collect() });
        measurement.engine.engine = "onnxruntime".into();
        measurement.engine.version = "1.32.0".into();
        measurement.engine.executed = vec![(Precision::Int8, 25), (Precision::Fp32, 1)];
        measurement.packaged_loads = vec![
            PackagedLoad { packaging: Packaging::Raw, size: Bytes(1_253_496), loads: loads(310_000) },
            PackagedLoad { packaging: Packaging::ZstdThenEncrypted, size: Bytes(1_131_004), loads: loads(4_820_000) },
        ];
    }
    view.run.engine = "onnxruntime 1.32.0".into();
    view.run.metrics.extend([
        (Metric::Frame, about(6.24e6, 0.01)),
        (Metric::FrameP90, about(6.6e6, 0.02)),
        (Metric::FrameJitter, Estimate { level: Some(0.875), ..about(0.21e6, 0.2) }),
        (Metric::FrameRate, about(160.2, 0.01)),
        (Metric::FrameConversion, about(1.26e6, 0.01)),
        (Metric::FramePost, about(0.063e6, 0.01)),
        (Metric::LoadZstdThenEncrypted, Estimate { level: Some(0.9375), ..about(45.8e6, 0.01) }),
    ]);
    view.frame_inference = Some(about(5.1e6, 0.01));
    view.packaged = vec![
        PackagedFigures {
            packaging: Packaging::Raw,
            size: Bytes(1_253_496),
            loads: 5,
            unpack_ns: 0.33e6,
            load_ns: 41e6,
            total: Estimate { level: Some(0.9375), ..about(41.3e6, 0.01) },
        },
        PackagedFigures {
            packaging: Packaging::ZstdThenEncrypted,
            size: Bytes(1_131_004),
            loads: 5,
            unpack_ns: 4.84e6,
            load_ns: 41e6,
            total: Estimate { level: Some(0.9375), ..about(45.8e6, 0.01) },
        },
    ];
    view.engine = Some(engine("onnxruntime", "1.32.0", 22));
    view
}

/// A run with energy and minutes of load after which the device throttled and recovered.
pub fn run_energy() -> RunView {
    let slice = |second: u64, ms: f64, megahertz: u64, celsius: f64| Slice {
        at: Nanos(second * 1_000_000_000),
        took: Nanos(4_000_000_000),
        inferences: (4_000.0 / ms) as u32,
        latency: Nanos((ms * 1e6) as u64),
        frequency: Reading::of(Kilohertz(megahertz * 1_000)),
        temperature: Reading::of(Millicelsius((celsius * 1e3) as i64)),
    };
    let load = (0..75u64).map(|nth| {
        let warm = 1.0 - (-(nth as f64) / 20.0).exp();
        let (ms, megahertz) = if nth < 32 { (4.9, 2_367) } else { (7.1, 1_704) };
        slice(nth * 4, ms * (1.0 + 0.02 * noise(3, nth)), megahertz, 34.0 + 41.0 * warm)
    });
    let recovery = vec![slice(310, 6.9, 1_704, 52.0), slice(320, 5.0, 2_367, 47.5)];
    let mut view = run_valid();
    if let Some(measurement) = &mut view.measurement {
        measurement.sustained = Some(SustainedRun { load: load.collect(), recovery });
    }
    view.run.metrics.extend([(Metric::Energy, about(18.4e-3, 0.04)), (Metric::Power, about(3.71, 0.02))]);
    view.run.metrics.push((Metric::ModelPeakRss, exact(21.4e6)));
    view.energy = Some(Reading::of(EnergyFigures {
        source: EnergySource::FuelGauge,
        what: "battery/current_now × battery/voltage_now".into(),
        period: Nanos(1_000_000_000),
        rest_w: 0.912,
        inferences: 8_350.0,
        seconds: 41.8,
    }));
    view.sustained = Some(SustainedFigures {
        first_minute_ns: 4.94e6,
        throttled_after_ns: Some(128e9),
        plateau_ns: Some(7.17e6),
        recovered_after_ns: Some(20e9),
    });
    view
}

/// A run whose device has no meter, and that never throttled.
pub fn run_no_energy() -> RunView {
    let mut view = run_energy();
    view.run.metrics.retain(|(metric, _)| !matches!(metric, Metric::Energy | Metric::Power));
    view.energy = Some(Reading::missing(Missing::Unavailable, format!("fuel gauge: {HOSTILE} is online")));
    view.sustained =
        Some(SustainedFigures { first_minute_ns: 4.94e6, throttled_after_ns: None, plateau_ns: None, recovered_after_ns: None });
    if let Some(curve) = view.measurement.as_mut().and_then(|measurement| measurement.sustained.as_mut()) {
        curve.load.truncate(30);
        curve.recovery.clear();
        curve.load.iter_mut().for_each(|slice| slice.frequency = Reading::missing(Missing::Absent, "no cpufreq"));
    }
    view
}

/// A run that an engine's own program measured: a summary and no samples.
pub fn summarised(run: Run) -> Run {
    let doubt = Doubt { reason: Reason::SummaryOnly, detail: "a program of its own measured; it gives no samples".into() };
    let mut run =
        Run { validity: Some(Validity::Degraded { reasons: vec![doubt] }), engine: "benchmark_model 2.3.0".into(), ..run };
    run.metrics.retain(|(metric, _)| *metric == Metric::ModelSize);
    run.metrics.push((Metric::LatencyMean, exact(26.6e6)));
    run
}

pub fn run_summary() -> RunView {
    let mut view = run_valid();
    view.run = summarised(view.run);
    if let Some(measurement) = &mut view.measurement {
        measurement.blocks.clear();
        measurement.profile.clear();
        measurement.engine.executed.clear();
        measurement.summary = Some(Summary {
            count: Some(50),
            mean: Some(Nanos(26_600_000)),
            minimum: Some(Nanos(26_100_000)),
            deviation: Some(Nanos(419_000)),
            ..Summary::default()
        });
    }
    view.spread = None;
    view.series.clear();
    view
}

/// Two builds of an engine, one of them not used yet, and a program with hostile words.
pub fn engines() -> EnginesView {
    let mut program = engine(HOSTILE, "2.3.0", 8);
    program.id = EngineId(9);
    program.build.origin = LONG.into();
    program.build.engine.adapter =
        Some(Adapter { arguments: vec!["{model}".into()], formats: Vec::new(), figures: Vec::new(), version: None });
    let old = Engine { id: EngineId(2), ..engine("onnxruntime", "1.31.1", 34) };
    let row = |engine, runs, devices: &[&str], last_used_at| EngineRow {
        engine,
        runs,
        devices: devices.iter().map(|device| (*device).to_owned()).collect(),
        last_used_at,
    };
    EnginesView {
        rows: vec![
            row(program, 3, &[HOSTILE], Some(NOW - Duration::hours(2))),
            row(engine("onnxruntime", "1.32.0", 35), 48, &["pixel-8", "workbench"], Some(NOW - Duration::minutes(4))),
            row(old, 0, &[], None),
        ],
    }
}

pub fn engines_empty() -> EnginesView {
    EnginesView { rows: Vec::new() }
}

/// A short model whose run has 20,000 samples.
pub fn run_many() -> RunView {
    let view = run_valid();
    let mut measurement = measurement();
    measurement.blocks = blocks(31, 0.05, 0);
    RunView { measurement: Some(measurement), ..view }
}

pub fn session() -> SessionView {
    let pixel = pixel();
    let subject = |run, blocks| SessionSubject { run, blocks };
    let first = run(61, &pixel, "squeezenet-1.1", Precision::Fp32, 1, 7.9);
    let second = run(62, &pixel, "squeezenet-1.1", Precision::Int8, 1, 4.98);
    SessionView {
        id: SessionId(16),
        job: JobId(77),
        device: pixel.clone(),
        operating_point: pinned(),
        plan: MeasurePlan::default(),
        evidence: Some(evidence()),
        subjects: vec![
            subject(first, blocks(11, 7.9, 0)),
            subject(second, blocks(21, 4.98, 1)),
            subject(failed(run(63, &pixel, HOSTILE, Precision::Int8, 1, 1.0)), Vec::new()),
        ],
        pairs: vec![Pair {
            base: "squeezenet-1.1 fp32".into(),
            candidate: "squeezenet-1.1 int8".into(),
            ratio: Reading::of(about(0.631, 0.008)),
            rounds: (0..10).map(|round| (round, 0.631 * (0.98 + 0.04 * noise(7, u64::from(round))))).collect(),
        }],
        provenance: provenance(),
        downloads: vec![Download { name: "report.json".into(), href: "/api/v1/sessions/16/report".into() }],
    }
}

/// A session that failed at once on a device that shows nothing.
pub fn session_empty() -> SessionView {
    let pair = Pair {
        base: "a".into(),
        candidate: HOSTILE.into(),
        ratio: Reading::missing(Missing::Unavailable, "no subject was measured"),
        rounds: Vec::new(),
    };
    SessionView {
        operating_point: OperatingPoint::default(),
        evidence: None,
        subjects: vec![SessionSubject { run: failed(run(63, &twin(), LONG, Precision::Int8, 1, 1.0)), blocks: Vec::new() }],
        pairs: vec![pair],
        device: twin(),
        downloads: Vec::new(),
        ..session()
    }
}
