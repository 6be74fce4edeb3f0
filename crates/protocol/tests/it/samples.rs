//! One rich sample of each message; every optional part is there once.

use benchrack_protocol::access::*;
use benchrack_protocol::adapter::*;
use benchrack_protocol::alert::*;
use benchrack_protocol::api::*;
use benchrack_protocol::budget::Budget;
use benchrack_protocol::device::*;
use benchrack_protocol::energy::*;
use benchrack_protocol::engine::*;
use benchrack_protocol::evidence::*;
use benchrack_protocol::gauge::Gauge;
use benchrack_protocol::ids::*;
use benchrack_protocol::model::*;
use benchrack_protocol::packaging::*;
use benchrack_protocol::pipeline::*;
use benchrack_protocol::problem::{Problem, ProblemCode};
use benchrack_protocol::rack::*;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::report::*;
use benchrack_protocol::runner::*;
use benchrack_protocol::session::*;
use benchrack_protocol::suite::Suite;
use benchrack_protocol::tensor::*;
use benchrack_protocol::units::*;
use benchrack_protocol::validity::EvidenceTier;
use time::macros::datetime;

pub fn manifest() -> Manifest {
    let tensor = |name: &str, shape: &[usize]| TensorSpec { name: name.into(), element: ElementType::F32, shape: shape.into() };
    Manifest {
        name: "tiny-net".into(),
        precision: Precision::Int8,
        family: "tiny".into(),
        variant: "net".into(),
        format: ModelFormat::Onnx,
        artifact: ArtifactId::of(b"tiny"),
        size: Bytes(4),
        packages: vec![PackageSize { packaging: Packaging::Zstd, size: Bytes(3) }],
        inputs: vec![tensor("data", &[1, 3, 8, 8])],
        outputs: vec![tensor("logits", &[1, 2])],
        generators: vec![InputGenerator::Image { seed: 1 }],
        references: vec![ReferenceOutput {
            output: "logits".into(),
            positions: vec![0, 1],
            values: vec![0.5, -0.25],
            tolerance: Tolerance::FP32,
            computed_by: "reference executor".into(),
        }],
        parameters: Some(12),
        macs: Some(3456),
        opset: 17,
        operators: vec![("QLinearConv".into(), 2)],
        published: vec![Published { what: "parameters".into(), figure: "12".into(), source: "table 1".into() }],
        fidelity: Some(Fidelity { sqnr_db: 31.5, top1_agreement: 0.96875, images: 32 }),
        pipeline: Some(pipeline()),
        preprocessing: "RGB, (x/255 - mean)/std".into(),
        licence: "CC0-1.0".into(),
        claimed_accuracy: Some(0.5),
        origin: "by hand".into(),
        notes: vec!["a note".into()],
    }
}

pub fn pipeline() -> Pipeline {
    Pipeline {
        source: FrameSource { format: PixelFormat::Nv21, width: 640, height: 480, orientation: Orientation::Rotate90, seed: 3 },
        fit: Fit::CentreCrop,
        filter: ResizeFilter::Bilinear,
        channels: ChannelOrder::Rgb,
        mean: [123.5, 116.25, 103.5],
        std: [58.5, 57.0, 57.5],
        layout: Layout::Nchw,
        post: PostProcessing::TopK { k: 5 },
    }
}

pub fn adapter() -> Adapter {
    Adapter {
        arguments: vec!["--graph={model}".into(), "--num_threads={threads}".into()],
        formats: vec![ModelFormat::Tflite],
        figures: vec![FigurePattern {
            figure: Figure::Mean,
            pattern: r"avg=(\S+)".into(),
            unit: FigureUnit::Microseconds,
            line: MatchedLine::Last,
        }],
        version: Some(r"version (\S+)".into()),
    }
}

pub fn engine_build() -> EngineBuild {
    EngineBuild {
        engine: program(),
        version: "2.3.0".into(),
        target: "aarch64-linux-android".into(),
        licence: "Apache-2.0".into(),
        size: Bytes(9),
        installed_size: Bytes(8),
        origin: "by hand".into(),
    }
}

fn program() -> EngineRef {
    EngineRef {
        build: Some(ArtifactId::of(b"program")),
        entry: Some("bin/benchmark_model".into()),
        adapter: Some(adapter()),
        ..EngineRef::named("benchmark_model")
    }
}

pub fn summary() -> Summary {
    Summary { count: Some(50), mean: Some(Nanos(266_473_000)), minimum: Some(Nanos(266_000_000)), ..Summary::default() }
}

pub fn spec() -> SessionSpec {
    let subject = |label: &str, engine, threads| Subject { label: label.into(), manifest: manifest(), engine, threads };
    SessionSpec {
        subjects: vec![subject("fp32", EngineRef::built_in(), 1), subject("int8", program(), 2)],
        operating_point: OperatingPoint { cores: Cores::Cluster("big".into()), frequency: Frequency::Percent(60) },
        plan: MeasurePlan {
            order: BlockOrder::Shuffled { seed: 7 },
            frames: 30,
            packagings: Packaging::ALL.into(),
            loads: 3,
            energy: Some(EnergyPlan { width: 0.02, max_time: Nanos(600_000_000_000) }),
            sustained: Some(Nanos(300_000_000_000)),
            fresh_runners: true,
            turns: 7,
            round_frames: 4,
            stop: Some(StopRule {
                metrics: vec![(Metric::Latency, 0.02), (Metric::Load, 0.1)],
                alpha: 0.01,
                comparisons: 2,
                max_time: Nanos(60_000_000_000),
                min_rounds: 9,
            }),
            gate: Some(GateBinding {
                request: ArtifactId::of(b"request"),
                device: "pixel-8".into(),
                devices: 1,
                budgets: vec![0],
            }),
            ..MeasurePlan::default()
        },
    }
}

pub fn evidence() -> SessionEvidence {
    SessionEvidence {
        settle: SettleEvidence {
            waited: Nanos(1_000),
            timed_out: false,
            hindrance: None,
            detail: "idle".into(),
            load_1min: Reading::of(0.25),
            cpu_pressure: Reading::missing(Missing::Absent, "no /proc/pressure"),
        },
        knobs: vec![
            KnobEvidence {
                knob: "cpufreq/policy4/scaling_max_freq".into(),
                before: Reading::of("2400000".into()),
                asked: "1200000".into(),
                read_back: Reading::of("1200000".into()),
                outcome: KnobOutcome::Held,
                restored: true,
                helpful: false,
            },
            KnobEvidence {
                knob: "sys/module/cpu_boost/parameters/input_boost_ms".into(),
                before: Reading::of("40".into()),
                asked: "0".into(),
                read_back: Reading::of("40".into()),
                outcome: KnobOutcome::Refused,
                restored: true,
                helpful: true,
            },
        ],
        asked_knobs: vec!["cpuidle".into()],
        targets: vec![ClockTarget {
            policy: "cpufreq/policy4".into(),
            cpus: "4-7".parse().unwrap(),
            asked: "60%".into(),
            target: Kilohertz(1_200_000),
        }],
        cpus: "4-7".parse().unwrap(),
        watch: vec![watch(2_400_000), watch(2_400_000)],
        residency: vec![ResidencyEvidence {
            policy: "cpufreq/policy4".into(),
            cpus: "4-7".parse().unwrap(),
            time_in_state: Reading::of(vec![StateTime { frequency: Kilohertz(1_200_000), ticks: 1000 }]),
            transitions: Reading::of(0),
            hardware_max: Reading::of(Kilohertz(2_400_000)),
        }],
        true_frequencies: vec![TrueFrequency {
            cpu: 4,
            at: Nanos(6),
            frequency: Reading::of(Kilohertz(1_196_500)),
            counted: Some(Reading::of(Kilohertz(1_197_100))),
        }],
        steal_share: Reading::of(0.0),
    }
}

pub fn watch(cap: u64) -> WatchSample {
    WatchSample {
        at: Nanos(5),
        online: Some("0-7".parse().unwrap()),
        clocks: vec![ClockSample {
            policy: "cpufreq/policy4".into(),
            frequency: Reading::of(Kilohertz(1_200_000)),
            cap: Reading::of(Kilohertz(cap)),
        }],
        temperatures: vec![("cpu-1-0".into(), Reading::of(Millicelsius(41_500)))],
        cooling: vec![("thermal-cpufreq-0".into(), 0)],
        cpu_pressure: Reading::of(1.5),
        current: Reading::missing(Missing::Invalid, "unit and sign are not proved"),
        voltage: Reading::of(Microvolts(4_012_000)),
    }
}

pub fn measurement() -> Measurement {
    let block = |round, place, started| Block {
        round,
        place,
        started: Nanos(started),
        samples: vec![Nanos(1_000_000); 15],
        suspended: Nanos(0),
        waiting_share: Reading::of(0.001),
        turns: vec![
            Turn { samples: 7, waiting_share: Reading::of(0.002) },
            Turn { samples: 8, waiting_share: Reading::missing(Missing::Unavailable, "the thread ended") },
        ],
    };
    let comparison = compare(&[0.5, -0.25], &[0.5, -0.25], Tolerance::FP32);
    Measurement {
        load: Nanos(9_000_000),
        first_inference: Nanos(3_000_000),
        warmup: Warmup { samples: vec![Nanos(1_100_000), Nanos(1_000_000)], steady: true },
        blocks: vec![block(0, 0, 10), block(1, 1, 20)],
        fresh_runners: vec![FreshRunner {
            round: 0,
            load: Nanos(8),
            first_inference: Nanos(9),
            frames: vec![Nanos(11)],
            memory: Some(MemoryFigures { peak_rss: Some(Bytes(41_000_000)), ..MemoryFigures::default() }),
        }],
        memory_before: MemoryFigures { rss: Some(Bytes(8_000_000)), ..MemoryFigures::default() },
        memory: MemoryFigures {
            peak_rss: Some(Bytes(20_000_000)),
            rss: Some(Bytes(18_000_000)),
            pss: Some(Bytes(17_000_000)),
            pss_anonymous: Some(Bytes(12_000_000)),
            pss_file: Some(Bytes(5_000_000)),
            rss_anonymous: Some(Bytes(12_500_000)),
            rss_file: Some(Bytes(5_500_000)),
        },
        outputs: OutputCheck::Compared { outputs: vec![("logits".into(), comparison)] },
        engine: EngineEvidence {
            engine: "tract".into(),
            version: "0.23.9".into(),
            kernels: "neon".into(),
            threads: 1,
            executed: vec![(Precision::Int8, 2), (Precision::Fp32, 1)],
            integer_kernels: IntegerKernels::All,
            operators: vec![("OptMatMul".into(), 2)],
            settings: vec![("session.intra_op.allow_spinning".into(), "1".into())],
        },
        threads: vec![ThreadPlacement {
            tid: 7,
            name: "runner".into(),
            allowed: Reading::of("4-7".parse().unwrap()),
            last_cpu: Reading::of(5),
        }],
        summary: None,
        frames: Some(Frames { pipeline: pipeline(), times: vec![frame()] }),
        energy: Some(Reading::of(energy())),
        sustained: Some(SustainedRun { load: vec![slice(0)], recovery: vec![slice(310_000_000_000)] }),
        failed_passes: Vec::new(),
        packaged_loads: vec![PackagedLoad {
            packaging: Packaging::ZstdThenEncrypted,
            size: Bytes(3),
            loads: vec![LoadTime { unpack: Nanos(2_000_000), load: Nanos(9_000_000) }],
        }],
        profile: vec![OperatorTime { name: "conv1".into(), operator: "OptMatMul".into(), time: Nanos(400_000) }],
    }
}

pub fn energy() -> EnergyRun {
    let reading = |at, value| MeterReading { at: Nanos(at), value, voltage: Some(Microvolts(3_912_000)) };
    let rest = EnergyPhase {
        started: Nanos(1_000_000_000),
        ended: Nanos(3_000_000_000),
        batches: Vec::new(),
        readings: vec![reading(1_500_000_000, -210_000), reading(2_500_000_000, -211_000)],
    };
    let looped = EnergyPhase {
        started: Nanos(3_000_000_000),
        ended: Nanos(4_000_000_000),
        batches: vec![Batch { ended: Nanos(4_000_000_000), inferences: 990 }],
        readings: vec![reading(3_500_000_000, -790_000)],
    };
    EnergyRun {
        meter: EnergyMeter {
            source: EnergySource::FuelGauge,
            what: "battery/current_now × battery/voltage_now".into(),
            period: Nanos(1_000_000_000),
            step: 1_000,
            timing: Nanos(1_000_000_000),
            response: Nanos(2_200_000_000),
        },
        rests: vec![rest],
        loops: vec![looped],
    }
}

pub fn slice(at: u64) -> Slice {
    Slice {
        at: Nanos(at),
        took: Nanos(1_001_000_000),
        inferences: 990,
        latency: Nanos(1_010_000),
        frequency: Reading::of(Kilohertz(2_400_000)),
        temperature: Reading::of(Millicelsius(51_500)),
    }
}

pub fn frame() -> FrameTime {
    FrameTime { conversion: Nanos(800_000), inference: Nanos(1_000_000), post: Nanos(20_000), total: Nanos(1_821_000) }
}

pub fn report() -> SessionReport {
    SessionReport {
        id: ReportId(uuid::Uuid::from_u128(7)),
        wire_version: benchrack_protocol::WIRE_VERSION,
        agent: AgentBuild { version: "0.1.0".into(), target: "aarch64-linux-musl".into() },
        device_key: "k1".into(),
        os_fingerprint: "vendor/model:14/AP1A".into(),
        reality: Reality::Real,
        spec: spec(),
        started_at: datetime!(2026-11-23 10:00:00 UTC),
        duration: Nanos(5_000_000_000),
        evidence: Some(evidence()),
        runs: vec![
            RunReport::Measured(Box::new(Measurement { summary: Some(summary()), ..measurement() })),
            RunReport::Failed(Failure { reason: FailureReason::UnsupportedOperator, detail: "MaxUnpool".into() }),
        ],
    }
}

pub fn device_report() -> DeviceReport {
    let text = |text: &str| Reading::of(text.to_owned());
    DeviceReport {
        identity: Identity {
            key: "k1".into(),
            title: "Vendor Model".into(),
            manufacturer: text("Vendor"),
            model: text("Model"),
            soc: Reading::missing(Missing::Absent, "ro.soc.model"),
            os_fingerprint: "vendor/model:14/AP1A".into(),
            os: "android".into(),
            os_release: text("14"),
            kernel: text("5.15.0"),
            architecture: "aarch64".into(),
        },
        cpus_possible: Reading::of("0-7".parse().unwrap()),
        cpus_online: Reading::of("0-7".parse().unwrap()),
        clusters: vec![Cluster {
            name: "big".into(),
            cpus: "4-7".parse().unwrap(),
            core: text("Cortex-A76"),
            min_freq: Reading::of(Kilohertz(600_000)),
            max_freq: Reading::of(Kilohertz(2_400_000)),
            capacity: Reading::of(1024),
            source: "related_cpus".into(),
        }],
        unknown: vec![Unknown { what: "battery current".into(), why: "unit and sign are not proved".into() }],
        policies: vec![CpufreqPolicy {
            path: "cpufreq/policy4".into(),
            cpus: "4-7".parse().unwrap(),
            governor: text("schedutil"),
            governors: Reading::of(vec!["schedutil".into(), "performance".into()]),
            frequencies: Reading::of(vec![Kilohertz(600_000), Kilohertz(2_400_000)]),
            hardware_min: Reading::of(Kilohertz(600_000)),
            hardware_max: Reading::of(Kilohertz(2_400_000)),
            scaling_min: Reading::of(Kilohertz(600_000)),
            scaling_max: Reading::missing(Missing::Denied, "scaling_max_freq"),
            current: Reading::missing(Missing::Unavailable, "EAGAIN"),
            writable: false,
        }],
        thermal_zones: vec![ThermalZone {
            zone: "thermal_zone0".into(),
            kind: text("battery"),
            temperature: Reading::of(Millicelsius(31_000)),
        }],
        cooling_devices: vec![CoolingDevice {
            device: "cooling_device0".into(),
            kind: text("thermal-cpufreq-0"),
            state: Reading::of(0),
            max_state: Reading::of(12),
        }],
        power_supplies: vec![PowerSupply {
            name: "battery".into(),
            kind: text("Battery"),
            status: text("Discharging"),
            capacity_percent: Reading::of(80),
            current: Reading::missing(Missing::Invalid, "unit and sign are not proved"),
            voltage: Reading::of(Microvolts(4_012_000)),
            temperature: Reading::of(Millicelsius(31_000)),
            online: Reading::missing(Missing::Absent, "online"),
        }],
        memory: Memory {
            total: Reading::of(Bytes(8_000_000_000)),
            available: Reading::of(Bytes(4_000_000_000)),
            page_size: Reading::of(Bytes(4096)),
        },
        reality: Reality::Real,
        battery: Some(battery()),
        temperatures: vec![Temperature {
            kind: "BIG".into(),
            place: Some(Place::Cpu),
            temperature: Reading::of(Millicelsius(41_500)),
            source: "thermalservice".into(),
        }],
        access: Some(access()),
        cpus_isolated: Some("7".parse().unwrap()),
    }
}

fn battery() -> Battery {
    let now = BatteryMoment {
        name: "now".into(),
        status: Reading::of("Discharging".into()),
        level_percent: Reading::of(80),
        current: Reading::of(Microamps(-412_000)),
        voltage: Reading::of(Microvolts(4_012_000)),
        temperature: Reading::of(Millicelsius(31_000)),
    };
    let gauge = Gauge {
        supply: "battery".into(),
        per_count: -1000,
        period: Reading::of(Nanos(1_000_000_000)),
        step: Reading::of(Microamps(1000)),
        basis: "0.11 ohm over 24 points".into(),
    };
    Battery {
        supply: "battery".into(),
        sources: vec!["power_supply/battery".into()],
        moments: vec![BatteryMoment { name: "unplugged".into(), ..now.clone() }],
        now,
        gauge: Reading::of(gauge),
    }
}

fn access() -> Access {
    Access {
        level: Reading::of(AccessLevel::Shell),
        uid: Reading::of(2000),
        domain: Reading::of("u:r:shell:s0".into()),
        root: Reading::missing(Missing::Absent, "no su"),
        questions: vec![Question {
            what: "battery current".into(),
            tried: 1,
            answered: 0,
            refusal: Reading::missing(Missing::Denied, "sys/class/power_supply/battery/current_now"),
        }],
        tier: EvidenceTier::Silver,
        tier_limit: "the clock limits may not be written".into(),
    }
}

pub fn registration() -> Registration {
    let agent = AgentBuild { version: "0.1.0".into(), target: "aarch64-linux-musl".into() };
    let public_key = Some(benchrack_protocol::signature::SecretKey::of_seed(&[7; 32]).public());
    Registration { name: "phone-1".into(), report: device_report(), agent, public_key, labels: vec!["lab=seoul".into()] }
}

pub fn lease() -> Lease {
    Lease { id: LeaseId(3), secret: "secret".into(), job: JobId(2), session: spec(), lives_for: Nanos(60_000_000_000) }
}

pub fn suite() -> Suite {
    serde_json::from_str(r#"{"name": "short", "models": ["*"]}"#).unwrap()
}

pub fn gate() -> NewGate {
    let subject = |threads| GateSubject { manifest: manifest(), engine: EngineRef::built_in(), threads };
    NewGate {
        baseline: subject(1),
        candidate: subject(2),
        devices: "soc=sm8550".into(),
        operating_point: OperatingPoint::default(),
        plan: MeasurePlan::default(),
        rules: GateRules { models: 3, ..GateRules::default() },
        metrics: vec![
            MetricRule { metric: Metric::Latency, tolerance: None },
            MetricRule { metric: Metric::PeakRss, tolerance: Some(0.05) },
            MetricRule { metric: Metric::Energy, tolerance: Some(0.1) },
            MetricRule { metric: Metric::Fidelity, tolerance: None },
        ],
        max_time: Some(Nanos(60_000_000_000)),
        budgets: vec![Budget {
            metric: "latency_p90".into(),
            limit: "33 ms".parse().unwrap(),
            devices: "soc=sm8550".into(),
            model: "tiny-*".into(),
            reason: "two frames at 60 Hz".into(),
            owner: "camera team".into(),
        }],
    }
}

pub fn problem() -> Problem {
    Problem { request_id: Some("r1".into()), ..Problem::new(ProblemCode::LeaseLost, "lease 3 ended at 10:00") }
}

pub fn requests() -> Vec<Request> {
    vec![
        Request::Load(LoadRequest {
            model: "/tmp/m.onnx".into(),
            engine: "tract".into(),
            library: Some("/tmp/libengine.so".into()),
            adapter: Some(adapter()),
            package: Some(PackedModel { packaging: Packaging::EncryptedThenZstd, key: Some(PackageKey([7; 32])) }),
            pipeline: Some(pipeline()),
            threads: 2,
            inputs: manifest().inputs,
            generators: manifest().generators,
            files: vec![InputFile { name: "data".into(), path: "/tmp/x.npy".into() }],
        }),
        Request::Run { n: 5 },
        Request::Outputs { wanted: vec![("logits".into(), vec![0])] },
        Request::Memory,
        Request::Profile { n: 3 },
        Request::Frames { n: 2 },
        Request::Quit,
    ]
}

pub fn replies() -> Vec<Reply> {
    let measured = measurement();
    vec![
        Reply::Ready { protocol: 1, memory: measured.memory_before },
        Reply::Loaded {
            load: Nanos(9),
            unpack: Some(Nanos(2)),
            inputs: manifest().inputs,
            outputs: manifest().outputs,
            evidence: measured.engine,
        },
        Reply::Ran { samples: vec![Nanos(1), Nanos(2)], started: Nanos(3), suspended: Nanos(0) },
        Reply::Summarised {
            summary: summary(),
            load: Some(Nanos(9)),
            first_inference: Some(Nanos(4)),
            peak_rss: Some(Bytes(5)),
            version: Some("2.3.0".into()),
        },
        Reply::Framed { times: vec![frame()], suspended: Nanos(0) },
        Reply::Outputs { values: vec![vec![0.5]] },
        Reply::Memory(measured.memory),
        Reply::Profile { operators: measured.profile },
        Reply::Failed { reason: FailureReason::NotAModel, detail: "empty".into() },
    ]
}

pub fn study() -> benchrack_protocol::study::Study {
    let text = r#"{
        "name": "int8-against-fp32", "title": "Is int8 faster?", "description": "Both share a session.", "sessions": 8, "table": true,
        "claims": [{"claim": "int8 is faster.", "source": "the talk", "checks": [
            {"says": "squeezenet", "of": {"model": "squeezenet-1.1", "precision": "int8", "engine": "onnxruntime", "threads": 0},
             "to": {"model": "squeezenet-1.1", "engine": "onnxruntime", "threads": 0}, "at_most": 0.667},
            {"says": "package", "figure": "package_zstd_then_encrypted", "of": {"model": "squeezenet-1.1", "figure": "package_raw"}, "at_least": 1.5}
        ]}],
        "suite": {"name": "int8-against-fp32", "models": ["squeezenet-1.1"], "engines": ["onnxruntime"], "threads": [0]}
    }"#;
    serde_json::from_str(text).unwrap()
}

pub fn study_device() -> benchrack_protocol::study::StudyDevice {
    let text = r#"{
        "device": 3, "name": "pixel-8", "title": "Google Pixel 8", "reality": "real",
        "claims": [{"verdict": "cannot_tell", "checks": [
            {"verdict": "holds", "measured": {"value": 0.4, "low": 0.35, "high": 0.45}, "basis": {"kind": "paired_blocks", "pairs": 16}, "sessions": [7]},
            {"verdict": "cannot_tell", "measured": null, "basis": null, "detail": "it was not measured", "needed": "a run"}
        ]}]
    }"#;
    serde_json::from_str(text).unwrap()
}

pub fn alert() -> Alert {
    let revision = |model, revision: &str, run| RevisionRef {
        model: ModelId(model),
        name: "mobilenet-v2-1.0-224".into(),
        precision: Precision::Int8,
        revision: revision.into(),
        artifact: ArtifactId([7; 32]),
        engine: Some(ArtifactId([8; 32])),
        run,
    };
    Alert {
        id: AlertId(3),
        kind: AlertKind::Regression,
        title: "mobilenet-v2-1.0-224 int8 v1.4.2: latency +6.9 % on pixel-8".into(),
        state: TriageState::Confirmed,
        owner: Some("ada".into()),
        reason: None,
        due_at: Some(datetime!(2026-12-09 12:00 UTC)),
        raised_at: datetime!(2026-11-24 12:00 UTC),
        changed_at: datetime!(2026-11-25 12:00 UTC),
        findings: vec![Finding {
            series: SeriesId(9),
            device: DeviceId(1),
            device_name: "pixel-8".into(),
            metric: Metric::Latency,
            good: revision(40, "v1.4.1", Some(RunId(1_060))),
            bad: revision(41, "v1.4.2", None),
            suspects: 1,
            effect: Some(Estimate::within(0.069, 0.051, 0.088)),
            gate: Some(GateId(17)),
            found_at: datetime!(2026-11-24 12:00 UTC),
        }],
    }
}

pub fn triage() -> NewTriage {
    NewTriage {
        state: TriageState::Ignored,
        owner: Some("ada".into()),
        reason: Some("the bench is gone soon".into()),
        due_at: Some(datetime!(2026-12-09 12:00 UTC)),
    }
}

pub fn self_test() -> SelfTest {
    let count = SelfTestCount { gates: 40, slower: 38, not_slower: 0, inconclusive: 2 };
    SelfTest {
        unchanged: SelfTestCount { gates: 320, slower: 1, not_slower: 312, inconclusive: 7 },
        false_alarms_at_most: Some(0.0147),
        unchanged_by_device: vec![Unchanged {
            device: DeviceId(1),
            device_name: "pixel-8".into(),
            model: "mobilenet-v1-1.0-224".into(),
            count: SelfTestCount { gates: 320, slower: 1, not_slower: 312, inconclusive: 7 },
            false_alarms_at_most: Some(0.0147),
        }],
        catches: vec![Catches {
            device: DeviceId(1),
            device_name: "pixel-8".into(),
            baseline: "mobilenet-v1-1.0-224".into(),
            more_macs: Some(0.054),
            at_least: Some(0.851),
        }],
        planted: vec![Planted {
            device: DeviceId(1),
            device_name: "pixel-8".into(),
            baseline: "mobilenet-v1-1.0-224".into(),
            candidate: "mobilenet-v1-1.0-230".into(),
            more_macs: 0.054,
            count,
        }],
    }
}

fn quarantined_phone() -> RackPhone {
    RackPhone {
        phone: "0123456789ABCDEF@1-4.2".into(),
        model: Some("Pixel_8".into()),
        device: Some("pixel-8".into()),
        phase: RackPhase::Quarantined,
        reason: Some("offline; tried reconnecting, cycling the port's power".into()),
        doing: Some("reconnecting".into()),
    }
}

pub fn rack_report() -> RackReport {
    RackReport { phones: vec![quarantined_phone()] }
}

pub fn rack() -> Rack {
    Rack {
        host: "lab-4".into(),
        reported_at: datetime!(2026-11-25 12:00 UTC),
        phones: vec![RackPhoneStatus { told: quarantined_phone(), since: datetime!(2026-11-25 11:00 UTC) }],
        quarantines: vec![RackQuarantine {
            phone: "R58M123".into(),
            reason: "a reboot loop: 3 boots within 30 minutes".into(),
            began_at: datetime!(2026-11-24 09:00 UTC),
            ended_at: Some(datetime!(2026-11-24 10:00 UTC)),
        }],
    }
}

pub fn heartbeat() -> Heartbeat {
    Heartbeat {
        detached_for_s: Some(600),
        ..Heartbeat::of("measuring energy with the cable's power cut, for up to 600 s", 20, 20)
    }
}
