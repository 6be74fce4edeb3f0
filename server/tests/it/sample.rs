//! Devices, models and reports that look like real ones.

use axum::http::Method;
use benchrack_protocol::api::{
    Claim, Device, Estimate, GateRules, GateSubject, Lease, Metric, Model, NewGate, NewModel, NewSubmission, Registration, Scope,
    Submission,
};
use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::{Cluster, DeviceReport, Identity, Memory, Reality};
use benchrack_protocol::engine::{EngineEvidence, EngineRef, IntegerKernels};
use benchrack_protocol::evidence::{SessionEvidence, SettleEvidence, ThreadPlacement};
use benchrack_protocol::ids::{ArtifactId, DeviceId, ReportId};
use benchrack_protocol::model::{ElementType, Manifest, Precision, TensorSpec};
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::report::{AgentBuild, Block, Failure, Measurement, OutputCheck, RunReport, SessionReport, Warmup};
use benchrack_protocol::runner::{FailureReason, MemoryFigures};
use benchrack_protocol::session::{MeasurePlan, OperatingPoint, SessionSpec};
use benchrack_protocol::suite::{Axis, Suite};
use benchrack_protocol::tensor::InputGenerator;
use benchrack_protocol::units::{Bytes, Kilohertz, Nanos};

use crate::farm::{Farm, START};

fn absent<T>() -> Reading<T> {
    Reading::missing(Missing::Absent, "no such file")
}

/// A phone with four little and four big cores.
pub fn device_report(key: &str) -> DeviceReport {
    let cluster = |name: &str, cpus: &str, max: u64| Cluster {
        name: name.into(),
        cpus: cpus.parse().unwrap(),
        core: Reading::of("Cortex-A55".into()),
        min_freq: Reading::of(Kilohertz(300_000)),
        max_freq: Reading::of(Kilohertz(max)),
        capacity: absent(),
        source: "cpufreq".into(),
    };
    DeviceReport {
        identity: Identity {
            key: key.into(),
            title: format!("Phone {key}"),
            manufacturer: Reading::of("Maker".into()),
            model: Reading::of("Phone".into()),
            soc: Reading::of("SM8550".into()),
            os_fingerprint: "maker/phone:14/1".into(),
            os: "android".into(),
            os_release: Reading::of("14".into()),
            kernel: Reading::of("5.15".into()),
            architecture: "aarch64".into(),
        },
        cpus_possible: Reading::of("0-7".parse().unwrap()),
        cpus_online: Reading::of("0-7".parse().unwrap()),
        clusters: vec![cluster("little", "0-3", 1_800_000), cluster("big", "4-7", 2_800_000)],
        unknown: Vec::new(),
        policies: Vec::new(),
        thermal_zones: Vec::new(),
        cooling_devices: Vec::new(),
        power_supplies: Vec::new(),
        memory: Memory { total: Reading::of(Bytes(8 << 30)), available: absent(), page_size: Reading::of(Bytes(4096)) },
        reality: Reality::Real,
        battery: None,
        temperatures: Vec::new(),
        access: None,
        cpus_isolated: None,
    }
}

pub fn registration(key: &str) -> Registration {
    Registration {
        name: format!("phone-{key}"),
        report: device_report(key),
        agent: AgentBuild { version: "0.1.0".into(), target: "aarch64-linux-android".into() },
        public_key: None,
        labels: Vec::new(),
    }
}

/// The bytes that stand for a model file.
pub fn model_bytes(name: &str, precision: Precision) -> Vec<u8> {
    format!("{name} {precision}").into_bytes()
}

pub fn manifest(name: &str, precision: Precision, bytes: &[u8]) -> Manifest {
    let tensor = |name: &str, shape: &[usize]| TensorSpec { name: name.into(), element: ElementType::F32, shape: shape.into() };
    Manifest {
        family: name.split('-').next().unwrap().into(),
        variant: "1.0".into(),
        inputs: vec![tensor("input", &[1, 3, 224, 224])],
        outputs: vec![tensor("output", &[1, 1000])],
        generators: vec![InputGenerator::Image { seed: 1 }],
        parameters: Some(1_235_496),
        macs: Some(349_151_936),
        opset: 13,
        operators: vec![("Conv".into(), 26)],
        licence: "MIT".into(),
        claimed_accuracy: Some(0.582),
        origin: "test".into(),
        ..Manifest::of_unknown(name, precision, ArtifactId::of(bytes), Bytes(bytes.len() as u64))
    }
}

pub fn suite(models: &[&str]) -> Suite {
    let models = models.iter().map(|model| (*model).to_owned()).collect();
    Suite {
        name: "suite".into(),
        description: String::new(),
        models,
        precisions: vec![Precision::Fp32, Precision::Int8],
        engines: vec!["tract".into()],
        together: vec![Axis::Precision],
        threads: vec![1],
        cores: vec![Default::default()],
        frequencies: vec![Default::default()],
        plan: MeasurePlan::default(),
    }
}

fn evidence() -> SessionEvidence {
    SessionEvidence {
        settle: SettleEvidence {
            waited: Nanos(1_000_000),
            timed_out: false,
            hindrance: None,
            detail: "idle".into(),
            load_1min: Reading::of(0.25),
            cpu_pressure: absent(),
        },
        knobs: Vec::new(),
        asked_knobs: Vec::new(),
        targets: Vec::new(),
        true_frequencies: Vec::new(),
        cpus: "0-7".parse().unwrap(),
        watch: Vec::new(),
        residency: Vec::new(),
        steal_share: Reading::of(0.0),
    }
}

/// A valid measurement with ten blocks around this latency; `nth` makes the samples of two runs differ.
pub fn measurement(latency_ns: u64, nth: u64) -> Measurement {
    let sample = |block: u64, sample: u64| Nanos(latency_ns + (block * 37 + sample * 11 + nth * 5) % 97 * latency_ns / 20_000);
    let blocks = (0..10).map(|block| Block {
        round: u32::try_from(block).unwrap(),
        place: 0,
        started: Nanos(block * 1_000_000_000),
        samples: (0..8).map(|nth| sample(block, nth)).collect(),
        suspended: Nanos(0),
        waiting_share: if block == 3 { absent() } else { Reading::of(0.001) },
        turns: Vec::new(),
    });
    Measurement {
        load: Nanos(40_000_000),
        first_inference: Nanos(latency_ns * 2),
        warmup: Warmup { samples: vec![Nanos(latency_ns); 6], steady: true },
        blocks: blocks.collect(),
        fresh_runners: Vec::new(),
        memory_before: MemoryFigures::default(),
        memory: MemoryFigures { peak_rss: Some(Bytes(60_000_000)), pss: None, ..MemoryFigures::default() },
        outputs: OutputCheck::NoReference,
        engine: EngineEvidence {
            engine: "tract".into(),
            version: "0.23.9".into(),
            kernels: "neon".into(),
            threads: 1,
            executed: vec![(Precision::Int8, 26)],
            integer_kernels: IntegerKernels::All,
            operators: vec![("Conv".into(), 26)],
            settings: Vec::new(),
        },
        threads: vec![ThreadPlacement {
            tid: 1,
            name: "runner".into(),
            allowed: Reading::of("0-7".parse::<CpuSet>().unwrap()),
            last_cpu: Reading::of(4),
        }],
        summary: None,
        frames: None,
        packaged_loads: Vec::new(),
        energy: None,
        sustained: None,
        failed_passes: Vec::new(),
        profile: Vec::new(),
    }
}

/// A report that answers this session; `latency_ns` gives each subject's latency, none a failure.
pub fn report(id: u128, device_key: &str, spec: &SessionSpec, latency_ns: impl Fn(usize) -> Option<u64>) -> SessionReport {
    let run = |place: usize| match latency_ns(place) {
        Some(latency) => RunReport::Measured(Box::new(measurement(latency, place as u64))),
        None => RunReport::Failed(Failure { reason: FailureReason::RunnerDied, detail: "signal 11".into() }),
    };
    SessionReport {
        id: ReportId(uuid::Uuid::from_u128(id)),
        wire_version: benchrack_protocol::WIRE_VERSION,
        agent: AgentBuild { version: "0.1.0".into(), target: "aarch64-linux-android".into() },
        device_key: device_key.into(),
        os_fingerprint: "maker/phone:14/1".into(),
        reality: Reality::Real,
        spec: spec.clone(),
        started_at: START,
        duration: Nanos(12_000_000_000),
        evidence: Some(evidence()),
        runs: (0..spec.subjects.len()).map(run).collect(),
    }
}

/// A report as an agent without a key sends it.
pub fn unsigned(report: SessionReport) -> benchrack_server::app::SentReport {
    let text = serde_json::to_vec(&report).unwrap().into();
    benchrack_server::app::SentReport { report, text, signature: None }
}

impl Farm {
    pub async fn register(&self, key: &str) -> Device {
        self.ask(Scope::Agent, Method::PUT, &format!("/api/v1/devices/{key}")).json(&registration(key)).send().await.ok()
    }

    pub async fn upload(&self, bytes: &[u8]) -> ArtifactId {
        let id = ArtifactId::of(bytes);
        let path = format!("/api/v1/artifacts/{id}");
        let ask = self.ask(Scope::Submit, Method::PUT, &path).raw("application/octet-stream", bytes.to_vec());
        let stored: benchrack_protocol::api::ArtifactStored = ask.send().await.ok();
        assert_eq!(stored.id, id);
        id
    }

    pub async fn add_model(&self, name: &str, precision: Precision) -> Model {
        self.add_revision(name, precision, &model_bytes(name, precision), "").await
    }

    pub async fn add_revision(&self, name: &str, precision: Precision, bytes: &[u8], revision: &str) -> Model {
        self.upload(bytes).await;
        let new = NewModel { manifest: manifest(name, precision, bytes), revision: revision.into() };
        self.post(Scope::Submit, "/api/v1/models", &new).await
    }

    pub async fn submit(&self, suite: Suite) -> Submission {
        let new = NewSubmission { suite, devices: String::new() };
        self.post(Scope::Submit, "/api/v1/submissions", &new).await
    }

    pub async fn claim(&self, device: DeviceId) -> Option<Lease> {
        let claim = Claim { device, wait: Nanos(0) };
        let answer = self.ask(Scope::Agent, Method::POST, "/api/v1/leases").json(&claim).send().await;
        if answer.status == 204 { None } else { Some(answer.ok()) }
    }

    /// A device with a model in two precisions and one job, leased.
    pub async fn leased_session(&self) -> (Device, Lease) {
        let device = self.register("one").await;
        for precision in [Precision::Fp32, Precision::Int8] {
            self.add_model("squeezenet-1.1", precision).await;
        }
        self.submit(suite(&["squeezenet-1.1"])).await;
        let lease = self.claim(device.id).await.expect("there is one job");
        (device, lease)
    }
}

pub fn gate_subject(name: &str, precision: Precision) -> GateSubject {
    let bytes = model_bytes(name, precision);
    GateSubject { manifest: manifest(name, precision, &bytes), engine: EngineRef::built_in(), threads: 1 }
}

pub fn new_gate(baseline: GateSubject, candidate: GateSubject) -> NewGate {
    NewGate {
        baseline,
        candidate,
        devices: String::new(),
        operating_point: OperatingPoint::default(),
        plan: MeasurePlan::default(),
        rules: GateRules::default(),
        metrics: Vec::new(),
        max_time: None,
        budgets: Vec::new(),
    }
}

/// The figure of this name.
pub fn figure(metrics: &[(Metric, Estimate)], metric: Metric) -> Option<f64> {
    metrics.iter().find(|(of, _)| *of == metric).map(|(_, estimate)| estimate.value)
}
