//! Sessions in simulated time: runners whose latencies are a function of the time, on a captured device.

mod gates;
mod load;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use benchrack_protocol::device::DeviceReport;
use benchrack_protocol::engine::{EngineEvidence, EngineRef, IntegerKernels};
use benchrack_protocol::evidence::KnobOutcome;
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::model::{Manifest, Precision};
use benchrack_protocol::packaging::Packaging;
use benchrack_protocol::pipeline::{
    ChannelOrder, Fit, FrameSource, FrameTime, Layout, Orientation, Pipeline, PixelFormat, PostProcessing, ResizeFilter,
};
use benchrack_protocol::report::Measurement;
use benchrack_protocol::runner::{MemoryFigures, Reply, Request};
use benchrack_protocol::session::{BlockOrder, Frequency, MeasurePlan, OperatingPoint, Subject};
use benchrack_protocol::units::Bytes;
use benchrack_protocol::validity::{EvidenceTier, Reason, Validity, assess, tier};

use super::simulated::{SimulatedPlacement, simulated};
use super::*;
use crate::clock::Clock;
use crate::device::Device;
use crate::placement::Placement;
use crate::probe::probe;
use crate::runner_process::Runner;
use crate::sysfs::Captured;

const MS: u64 = 1_000_000;

/// Latency of the inference that starts at this time, or why it fails.
type Latency = fn(Nanos) -> Result<Nanos, Failure>;

struct SimulatedRunner {
    clock: Arc<dyn Clock>,
    latency: Latency,
    /// Files that tell that others have the CPU all the time, where they do.
    crowded: Option<Arc<Captured>>,
    /// Inferences so far; it holds a byte for each.
    ran: u64,
}

impl Runner for SimulatedRunner {
    async fn ask(&mut self, request: &Request, patience: Duration) -> Result<Reply, Failure> {
        let work = async {
            match request {
                Request::Load(load) => Ok(Reply::Loaded {
                    load: Nanos(50 * MS),
                    unpack: None,
                    inputs: Vec::new(),
                    outputs: Vec::new(),
                    evidence: EngineEvidence {
                        engine: "simulated".into(),
                        version: "1".into(),
                        kernels: "none".into(),
                        threads: load.threads,
                        executed: Vec::new(),
                        integer_kernels: IntegerKernels::None,
                        operators: Vec::new(),
                        settings: Vec::new(),
                    },
                }),
                Request::Run { n } => {
                    let started = self.clock.now();
                    let mut samples = Vec::new();
                    self.ran += u64::from(*n);
                    for _ in 0..*n {
                        let latency = (self.latency)(self.clock.now())?;
                        tokio::time::sleep(Duration::from(latency)).await;
                        samples.push(latency);
                    }
                    if let Some(files) = &self.crowded {
                        files.set("proc/7/task/7/schedstat", &format!("0 {} 0\n", self.clock.now().0));
                    }
                    Ok(Reply::Ran { samples, started, suspended: Nanos(0) })
                }
                Request::Frames { n } => {
                    let mut times = Vec::new();
                    for _ in 0..*n {
                        let inference = (self.latency)(self.clock.now())?;
                        let total = Nanos(inference.0 + 100 * MS);
                        tokio::time::sleep(Duration::from(total)).await;
                        // How many were asked for at once, for tests of that.
                        let post = Nanos(u64::from(*n));
                        times.push(FrameTime { conversion: Nanos(100 * MS), inference, post, total });
                    }
                    Ok(Reply::Framed { times, suspended: Nanos(0) })
                }
                _ => Ok(Reply::Memory(MemoryFigures { peak_rss: Some(Bytes(self.ran)), ..MemoryFigures::default() })),
            }
        };
        tokio::time::timeout(patience, work)
            .await
            .unwrap_or_else(|_| Err(Failure { reason: FailureReason::RunnerHung, detail: "no answer".into() }))
    }

    fn pid(&self) -> u32 {
        7
    }

    fn memory_before(&self) -> MemoryFigures {
        MemoryFigures::default()
    }
}

/// Starts runners with these latencies, one after another.
struct Simulation<'a> {
    device: &'a Device,
    latencies: Mutex<Vec<Latency>>,
    /// CPUs of each runner that was started.
    births: &'a Mutex<Vec<CpuSet>>,
    crowded: Option<Arc<Captured>>,
}

impl Launcher for Simulation<'_> {
    type Runner = SimulatedRunner;

    async fn launch(&self, birth: &Birth) -> Result<SimulatedRunner, Failure> {
        self.births.lock().unwrap().push(birth.cpus.clone());
        let latency = self.latencies.lock().unwrap().remove(0);
        Ok(SimulatedRunner { clock: Arc::clone(&self.device.clock), latency, crowded: self.crowded.clone(), ran: 0 })
    }
}

/// Two clusters with clocks, idle and cool.
fn phone() -> Arc<Captured> {
    let files = Captured::default();
    files.set("sys/devices/system/cpu/present", "0-7\n");
    files.set("sys/devices/system/cpu/online", "0-7\n");
    files.set("proc/sys/kernel/arch", "aarch64\n");
    files.set("proc/loadavg", "0.0 0.0 0.0 1/300 9\n");
    files.set("proc/7/task/7/schedstat", "0 0 0\n");
    for (first, last, min, max) in [(0, 3, "300000", "1800000"), (4, 7, "800000", "2400000")] {
        for folder in [format!("cpufreq/policy{first}"), format!("cpu{first}/cpufreq")] {
            let file = |name: &str, text: String| files.set(&format!("sys/devices/system/cpu/{folder}/{name}"), &text);
            file("related_cpus", format!("{first}-{last}\n"));
            file("cpuinfo_min_freq", format!("{min}\n"));
            file("cpuinfo_max_freq", format!("{max}\n"));
            file("scaling_min_freq", format!("{min}\n"));
            file("scaling_max_freq", format!("{max}\n"));
            file("scaling_available_frequencies", format!("{min} 1200000 {max}\n"));
            file("stats/time_in_state", format!("{max} 5\n"));
            file("stats/total_trans", "3\n".into());
        }
    }
    Arc::new(files)
}

fn pipeline() -> Pipeline {
    Pipeline {
        source: FrameSource { format: PixelFormat::Nv21, width: 8, height: 8, orientation: Orientation::Upright, seed: 1 },
        fit: Fit::Stretch,
        filter: ResizeFilter::Area,
        channels: ChannelOrder::Bgr,
        mean: [0.0; 3],
        std: [1.0; 3],
        layout: Layout::Nhwc,
        post: PostProcessing::None,
    }
}

fn subject(name: &str) -> Subject {
    let manifest = Manifest::of_unknown(name, Precision::Fp32, ArtifactId::of(name.as_bytes()), Bytes(1));
    Subject { label: name.into(), manifest, engine: EngineRef::built_in(), threads: 1 }
}

fn spec(names: &[&str]) -> SessionSpec {
    SessionSpec {
        subjects: names.iter().map(|name| subject(name)).collect(),
        operating_point: OperatingPoint::default(),
        plan: MeasurePlan::default(),
    }
}

/// Everything that a session needs beside its spec and runners.
struct Setup {
    device: Device,
    placement: Arc<SimulatedPlacement>,
    known: DeviceReport,
    artifacts: Artifacts,
    folder: tempfile::TempDir,
    births: Mutex<Vec<CpuSet>>,
    crowded: Option<Arc<Captured>>,
}

impl Setup {
    fn of(files: &Arc<Captured>, spec: &SessionSpec) -> Self {
        let placement = Arc::new(SimulatedPlacement::on("0-7".parse().unwrap()));
        let device = Device { placement: Arc::clone(&placement) as Arc<dyn Placement>, ..simulated(files) };
        let model = |subject: &Subject| (subject.manifest.artifact, Ok(PathBuf::from("model")));
        Self {
            known: probe(&device, None),
            artifacts: spec.subjects.iter().map(model).collect(),
            folder: tempfile::tempdir().unwrap(),
            device,
            placement,
            births: Mutex::default(),
            crowded: None,
        }
    }

    /// Runs the spec with runners of these latencies.
    async fn run(&self, spec: SessionSpec, latencies: &[Latency], observer: Observer<'_>) -> SessionReport {
        let context = Context {
            device: &self.device,
            known: &self.known,
            artifacts: &self.artifacts,
            inputs: &[],
            asked: &[],
            state_folder: self.folder.path(),
            address_space: None,
            cable: None,
            observer,
        };
        let simulation = Simulation {
            device: &self.device,
            latencies: Mutex::new(latencies.to_vec()),
            births: &self.births,
            crowded: self.crowded.clone(),
        };
        run_on(new_report_id(), spec, context, &simulation, |_| async {}).await
    }
}

/// Runs a spec with these latencies; returns the report and everything the observer heard.
async fn run(files: &Arc<Captured>, spec: SessionSpec, latencies: &[Latency]) -> (SessionReport, Vec<Heartbeat>) {
    let heard = Mutex::new(Vec::new());
    let setup = Setup::of(files, &spec);
    let report = setup.run(spec, latencies, &|heartbeat| heard.lock().unwrap().push(heartbeat)).await;
    (report, heard.into_inner().unwrap())
}

fn measured(run: &RunReport) -> &Measurement {
    match run {
        RunReport::Measured(run) => run,
        RunReport::Failed(failure) => panic!("{failure:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn blocks_last_as_long_as_asked_and_are_watched_twice_a_second() {
    let (report, heard) = run(&phone(), spec(&["quick", "slow"]), &[|_| Ok(Nanos(MS)), |_| Ok(Nanos(400 * MS))]).await;
    let (quick, slow) = (measured(&report.runs[0]), measured(&report.runs[1]));
    assert!(quick.blocks.iter().all(|block| block.samples.len() == 100), "100 ms of 1 ms each");
    assert!(slow.blocks.iter().all(|block| block.samples.len() == 3), "never fewer than three");
    assert_eq!(quick.blocks.len(), 10);
    assert_eq!(quick.first_inference, Nanos(MS));
    let evidence = report.evidence.as_ref().unwrap();
    // Ten rounds of 0.1 s and 1.2 s.
    assert!((26..=28).contains(&evidence.watch.len()), "{} looks in 13 s", evidence.watch.len());
    assert!(evidence.watch.iter().all(|look| look.clocks.len() == 2));
    assert_eq!(evidence.residency.len(), 2);
    assert_eq!(heard.last().unwrap().done, 20);
    assert!(heard.iter().any(|heartbeat| heartbeat.phase == "warming up slow fp32"));
    assert_eq!(assess(&report.spec.operating_point, evidence, quick), Validity::Valid);
}

#[tokio::test(start_paused = true)]
async fn warm_up_goes_on_until_the_latencies_show_no_trend() {
    // Twice as slow at first, and steady after two seconds.
    let warming: Latency = |now| Ok(Nanos(10 * MS + (10 * MS).saturating_sub(now.0 / 200)));
    let (report, _) = run(&phone(), spec(&["warming"]), &[warming]).await;
    let warmup = &measured(&report.runs[0]).warmup;
    let spent: u64 = warmup.samples.iter().map(|sample| sample.0).sum();
    assert!(warmup.steady && spent > 2_000 * MS, "{spent}");
    assert_eq!(measured(&report.runs[0]).blocks[0].samples[0], Nanos(10 * MS));
}

#[tokio::test(start_paused = true)]
async fn latencies_that_never_settle_are_measured_and_marked() {
    let rising: Latency = |now| Ok(Nanos(10 * MS + now.0 / 20));
    let (report, _) = run(&phone(), spec(&["rising"]), &[rising]).await;
    let run = measured(&report.runs[0]);
    assert!(!run.warmup.steady);
    let validity = assess(&report.spec.operating_point, report.evidence.as_ref().unwrap(), run);
    assert!(validity.reasons().iter().any(|doubt| doubt.reason == Reason::Unsteady), "{validity:?}");
}

#[tokio::test(start_paused = true)]
async fn a_subject_that_fails_in_the_middle_leaves_the_others_whole() {
    let breaking: Latency = |now| {
        if now < Nanos(2_000 * MS) {
            return Ok(Nanos(MS));
        }
        Err(Failure { reason: FailureReason::RunnerDied, detail: "gone".into() })
    };
    let hanging: Latency = |now| Ok(if now < Nanos(2_000 * MS) { Nanos(MS) } else { Nanos(u64::MAX / 4) });
    let fine: Latency = |_| Ok(Nanos(20 * MS));
    let (report, _) = run(&phone(), spec(&["breaking", "fine", "hanging"]), &[breaking, fine, hanging]).await;
    let reason = |run: &RunReport| match run {
        RunReport::Failed(failure) => failure.reason,
        RunReport::Measured(_) => panic!("it was measured"),
    };
    assert_eq!(reason(&report.runs[0]), FailureReason::RunnerDied);
    assert_eq!(measured(&report.runs[1]).blocks.len(), 10);
    assert_eq!(reason(&report.runs[2]), FailureReason::RunnerHung);
}

#[tokio::test(start_paused = true)]
async fn a_package_that_cannot_be_loaded_fails_its_pass_and_leaves_no_file() {
    let mut spec = spec(&["model"]);
    spec.plan.packagings = vec![Packaging::Zstd];
    let mut setup = Setup::of(&phone(), &spec);
    let model = setup.folder.path().join("model");
    std::fs::write(&model, b"weights").unwrap();
    setup.artifacts = [(spec.subjects[0].manifest.artifact, Ok(model))].into();
    // The simulated runner says nothing of unpacking.
    let steady: Latency = |_| Ok(Nanos(MS));
    let report = setup.run(spec, &[steady, steady], &|_| {}).await;
    let run = measured(&report.runs[0]);
    assert_eq!(run.blocks.len(), 10);
    assert!(run.packaged_loads.is_empty());
    assert_eq!((run.failed_passes[0].pass, run.failed_passes.len()), (Pass::PackagedLoads, 1));
    assert_eq!(run.failed_passes[0].failure.reason, FailureReason::ProtocolViolated);
    assert_eq!(std::fs::read_dir(setup.folder.path().join("packages")).unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn frames_are_asked_for_in_pieces_that_no_slow_model_takes_too_long_for() {
    let mut spec = spec(&["slow"]);
    spec.plan.frames = 7;
    spec.subjects[0].manifest.pipeline = Some(pipeline());
    let (report, _) = run(&phone(), spec, &[|_| Ok(Nanos(600 * MS))]).await;
    let frames = measured(&report.runs[0]).frames.as_ref().unwrap();
    // Two seconds of frames of 700 ms are three; the first three count for nothing.
    let asked: Vec<u64> = frames.times.iter().map(|time| time.post.0).collect();
    assert_eq!(asked, [3, 3, 3, 3, 3, 3, 1]);
}

#[tokio::test(start_paused = true)]
async fn the_order_of_subjects_is_the_one_asked_for() {
    let mut spec = spec(&["a", "b"]);
    spec.plan.order = BlockOrder::Shuffled { seed: 3 };
    let (report, _) = run(&phone(), spec.clone(), &[|_| Ok(Nanos(MS)), |_| Ok(Nanos(MS))]).await;
    let first: Vec<u32> = measured(&report.runs[0]).blocks.iter().map(|block| block.place).collect();
    let expected: Vec<u32> = order::rounds(&spec.plan.order, 2, 10).map(|round| u32::from(round[0] != 0)).collect();
    assert_eq!(first, expected);
}

#[tokio::test(start_paused = true)]
async fn a_block_waits_until_the_threads_of_the_one_before_rest() {
    /// From the first block's start to the second's, ms.
    async fn gap(threads: u16, spinning: bool) -> u64 {
        let files = phone();
        let mut spec = spec(&["a", "b"]);
        spec.plan.block_time = Nanos(20 * MS);
        spec.subjects.iter_mut().for_each(|subject| subject.threads = threads);
        let spin = async {
            for ran in 1.. {
                tokio::time::sleep(Duration::from_millis(5)).await;
                files.set("proc/7/task/7/schedstat", &format!("{} 0 0\n", if spinning { ran * 5 * MS } else { 0 }));
            }
        };
        let report = tokio::select! {
            (report, _) = run(&files, spec, &[|_| Ok(Nanos(MS)), |_| Ok(Nanos(MS))]) => report,
            () = spin => unreachable!(),
        };
        let started = |place: usize| measured(&report.runs[place]).blocks[0].started.0 / MS;
        started(1) - started(0)
    }
    assert!(gap(1, true).await < 25, "one thread is at rest when it answers");
    assert!((30..40).contains(&gap(2, false).await), "one look shows that a pool rests");
    assert!(gap(2, true).await > 200, "a pool that spins is waited for");
}

#[tokio::test(start_paused = true)]
async fn a_pinned_session_has_the_strongest_proof_and_leaves_no_trace() {
    let files = phone();
    let before = files.files();
    let mut spec = spec(&["model"]);
    spec.operating_point = OperatingPoint { cores: "big".parse().unwrap(), frequency: Frequency::Max };
    // Time passes for the statistics while the blocks run.
    let counting = async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let path = "sys/devices/system/cpu/cpufreq/policy4/stats/time_in_state";
            let now: u64 = crate::sysfs::SysFs::read(files.as_ref(), path).unwrap().trim()[8..].parse().unwrap();
            files.set(path, &format!("2400000 {}\n", now + 10));
        }
    };
    let report = tokio::select! {
        (report, _) = run(&files, spec, &[|_| Ok(Nanos(MS))]) => report,
        () = counting => unreachable!(),
    };
    let evidence = report.evidence.as_ref().unwrap();
    assert_eq!(evidence.cpus.to_string(), "4-7");
    assert_eq!(evidence.knobs.len(), 2);
    assert!(evidence.knobs.iter().all(|knob| knob.outcome == KnobOutcome::Held && knob.restored));
    assert_eq!(tier(&report.spec.operating_point, evidence), EvidenceTier::Gold);
    let changed: Vec<_> = files.files().into_iter().filter(|(path, text)| before.get(path) != Some(text)).collect();
    assert!(changed.iter().all(|(path, _)| path.ends_with("time_in_state")), "{changed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_session_dropped_at_any_time_leaves_clocks_and_the_agent_where_they_were() {
    for seconds in [0.001, 0.05, 0.2, 1.0, 1.3] {
        let files = phone();
        let before = files.files();
        let mut spec = spec(&["model"]);
        spec.operating_point = OperatingPoint { cores: "little".parse().unwrap(), frequency: Frequency::Min };
        let setup = Setup::of(&files, &spec);
        let session = setup.run(spec, &[|_| Ok(Nanos(30 * MS))], &|_| {});
        let ended = tokio::time::timeout(Duration::from_secs_f64(seconds), session).await;
        assert!(ended.is_err(), "it takes longer than {seconds} s");
        assert_eq!(files.files(), before, "dropped after {seconds} s");
        assert_eq!(setup.placement.0.lock().unwrap().to_string(), "0-7");
        assert_eq!(std::fs::read_dir(setup.folder.path()).unwrap().count(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_agent_steps_off_the_measured_cpus_while_it_measures() {
    let files = phone();
    let mut spec = spec(&["model"]);
    spec.operating_point.cores = "big".parse().unwrap();
    let setup = Setup::of(&files, &spec);
    let seen = Mutex::new(Vec::new());
    let observer = |heartbeat: Heartbeat| {
        seen.lock().unwrap().push((heartbeat.phase, setup.placement.0.lock().unwrap().to_string()));
    };
    setup.run(spec, &[|_| Ok(Nanos(MS))], &observer).await;
    let while_measuring: Vec<_> =
        seen.into_inner().unwrap().into_iter().filter(|(phase, _)| phase.starts_with("measuring")).collect();
    assert!(!while_measuring.is_empty() && while_measuring.iter().all(|(_, cpus)| cpus == "0-3"), "{while_measuring:?}");
    assert_eq!(setup.placement.0.lock().unwrap().to_string(), "0-7");
}

/// Runs a pinned session on the big cores while something happens to the device after a second.
async fn taken(happens: impl Fn(&Captured)) -> (SessionReport, Vec<(String, String)>) {
    let files = phone();
    files.set("sys/class/thermal/thermal_zone0/type", "cpu-1-0-usr\n");
    files.set("sys/class/thermal/thermal_zone0/temp", "50000\n");
    files.set("sys/class/thermal/cooling_device0/type", "thermal-cpufreq-4\n");
    files.set("sys/class/thermal/cooling_device0/cur_state", "0\n");
    files.set("sys/class/thermal/cooling_device0/max_state", "9\n");
    let before = files.files();
    let mut spec = spec(&["model"]);
    spec.plan.blocks = 40;
    spec.operating_point = OperatingPoint { cores: "big".parse().unwrap(), frequency: Frequency::Max };
    let happening = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        happens(&files);
        std::future::pending::<()>().await;
    };
    let report = tokio::select! {
        (report, _) = run(&files, spec, &[|_| Ok(Nanos(MS))]) => report,
        () = happening => unreachable!(),
    };
    let limits = |path: &String| path.contains("scaling_m");
    let changed = files.files().into_iter().filter(|(path, text)| limits(path) && before.get(path) != Some(text)).collect();
    (report, changed)
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_taken_away_during_the_blocks_is_never_valid_and_given_back_as_it_was() {
    const POLICY: &str = "sys/devices/system/cpu/cpufreq/policy4";
    type Happens = fn(&Captured);
    let cases: [(Reason, Happens); 6] = [
        (Reason::Throttled, |files| files.set(&format!("{POLICY}/scaling_max_freq"), "1200000\n")),
        (Reason::PinRefused, |files| files.set(&format!("{POLICY}/scaling_min_freq"), "800000\n")),
        (Reason::FrequencyMoved, |files| files.set(&format!("{POLICY}/stats/total_trans"), "4\n")),
        (Reason::FrequencyMoved, |files| files.set(&format!("{POLICY}/stats/time_in_state"), "2400000 5\n1200000 300\n")),
        (Reason::Throttled, |files| files.set("sys/class/thermal/cooling_device0/cur_state", "3\n")),
        (Reason::Unplugged, |files| files.set("sys/devices/system/cpu/online", "0-6\n")),
    ];
    for (reason, happens) in cases {
        let (report, changed) = taken(happens).await;
        let evidence = report.evidence.as_ref().unwrap();
        let validity = assess(&report.spec.operating_point, evidence, measured(&report.runs[0]));
        assert_eq!(validity.word(), "invalid", "{reason}: {validity:?}");
        assert!(validity.reasons().iter().any(|doubt| doubt.reason == reason), "{reason}: {validity:?}");
        assert_ne!(tier(&report.spec.operating_point, evidence), EvidenceTier::Gold, "{reason}");
        assert!(changed.is_empty(), "{reason}: {changed:?}");
    }
    let (report, _) = taken(|_| {}).await;
    let evidence = report.evidence.as_ref().unwrap();
    assert_eq!(assess(&report.spec.operating_point, evidence, measured(&report.runs[0])), Validity::Valid);
    assert_eq!(evidence.targets[0].target.0, 2_400_000);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_gets_too_hot_ends_the_session_with_the_reason_and_everything_restored() {
    let (report, changed) = taken(|files| files.set("sys/class/thermal/thermal_zone0/temp", "106000\n")).await;
    match &report.runs[0] {
        RunReport::Failed(failure) => {
            assert_eq!(failure.reason, FailureReason::CutOff);
            assert!(failure.detail.contains("cpu-1-0-usr is at 106.0 °C"), "{}", failure.detail);
        }
        RunReport::Measured(_) => panic!("it went on"),
    }
    let evidence = report.evidence.as_ref().unwrap();
    assert!(!evidence.watch.is_empty() && evidence.knobs.iter().all(|knob| knob.restored), "what was seen is kept");
    assert!(changed.is_empty(), "{changed:?}");
}
