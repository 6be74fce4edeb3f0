//! Real runner processes, and programs that misbehave as runners.

use std::path::Path;
use std::time::Duration;

use benchrack_agent::frame::{Conversion, source};
use benchrack_agent::placement::{LivePlacement, Placement};
use benchrack_agent::runner_process::{Birth, Launcher, ProcessLauncher, Runner, RunnerProcess, RunnerProgram};
use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::engine::IntegerKernels;
use benchrack_protocol::pipeline::{Layout, Pipeline, PostProcessing};
use benchrack_protocol::report::Failure;
use benchrack_protocol::runner::{FailureReason, LoadRequest, Reply, Request};

use crate::models;

/// Longer than any step takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(100);

pub fn agent() -> RunnerProgram {
    RunnerProgram { path: env!("CARGO_BIN_EXE_benchrack-agent").into(), args: vec!["runner".into()] }
}

/// A shell script in place of a runner.
pub fn script(text: &str) -> RunnerProgram {
    RunnerProgram { path: "/bin/sh".into(), args: vec!["-c".into(), text.into()] }
}

/// What a runner says first.
pub const GREETING: &str = r#"echo '{"reply":"ready","protocol":1,"memory":{}}'"#;

pub fn birth() -> Birth {
    Birth { cpus: LivePlacement.allowed().unwrap(), address_space: None, patience: PATIENCE }
}

pub async fn start(program: &RunnerProgram, birth: &Birth) -> Result<RunnerProcess, Failure> {
    ProcessLauncher { program, placement: &LivePlacement }.launch(birth).await
}

fn request(model: &Path) -> LoadRequest {
    LoadRequest::new(model, "tract", 1)
}

async fn load(model: &[u8]) -> (RunnerProcess, Result<Reply, Failure>) {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = models::save(folder.path(), "model", model);
    let mut runner = start(&agent(), &birth()).await.unwrap();
    let reply = runner.ask(&Request::Load(request(&file)), PATIENCE).await;
    (runner, reply)
}

#[tokio::test]
async fn a_model_is_loaded_measured_and_its_outputs_read() {
    let folder = tempfile::tempdir().unwrap();
    let (file, manifest) = models::save_dense(folder.path());
    let mut runner = start(&agent(), &birth()).await.unwrap();
    assert!(runner.memory_before().rss.is_some());
    let request = LoadRequest { inputs: manifest.inputs, generators: manifest.generators, ..request(&file) };
    match runner.ask(&Request::Load(request), PATIENCE).await.unwrap() {
        Reply::Loaded { load, unpack, inputs, outputs, evidence } => {
            assert!(load.0 > 0 && unpack.is_none());
            assert_eq!((inputs[0].name.as_str(), &inputs[0].shape), ("x", &vec![1, 8]));
            assert_eq!((outputs[0].name.as_str(), &outputs[0].shape), ("y", &vec![1, 4]));
            assert_eq!((evidence.engine.as_str(), evidence.threads), ("tract", 1));
            assert_eq!(evidence.integer_kernels, IntegerKernels::None);
            assert!(!evidence.operators.is_empty() && !evidence.kernels.is_empty());
        }
        other => panic!("{other:?}"),
    }
    match runner.ask(&Request::Run { n: 7 }, PATIENCE).await.unwrap() {
        Reply::Ran { samples, suspended, .. } => {
            assert_eq!(samples.len(), 7);
            assert!(samples.iter().all(|sample| sample.0 > 0));
            assert_eq!(suspended.0, 0);
        }
        other => panic!("{other:?}"),
    }
    let wanted = Request::Outputs { wanted: vec![("y".into(), vec![]), ("y".into(), vec![3, 0])] };
    let expected = models::dense_output(&models::GENERATOR.generate(&[1, 8]));
    match runner.ask(&wanted, PATIENCE).await.unwrap() {
        Reply::Outputs { values } => {
            assert_eq!((values[0].len(), values[1].len()), (4, 2));
            assert!((values[0][0] - expected[0]).abs() < 1e-5 && expected[0] > 0.5, "{values:?} {expected:?}");
        }
        other => panic!("{other:?}"),
    }
    match runner.ask(&Request::Profile { n: 3 }, PATIENCE).await.unwrap() {
        Reply::Profile { operators } => assert!(operators.iter().any(|operator| operator.operator.contains("MatMul"))),
        other => panic!("{other:?}"),
    }
    match runner.ask(&Request::Memory, PATIENCE).await.unwrap() {
        Reply::Memory(memory) => assert!(memory.peak_rss >= memory.rss && memory.rss.is_some()),
        other => panic!("{other:?}"),
    }
    let wrong = runner.ask(&Request::Outputs { wanted: vec![("z".into(), vec![])] }, PATIENCE).await.unwrap_err();
    assert!(wrong.detail.contains("no output 'z'; it has y"), "{}", wrong.detail);
    let beyond = runner.ask(&Request::Outputs { wanted: vec![("y".into(), vec![4])] }, PATIENCE).await.unwrap_err();
    assert!(beyond.detail.contains("has 4 values"), "{}", beyond.detail);
    assert!(runner.ask(&Request::Run { n: 1 }, PATIENCE).await.is_ok(), "a refusal does not end the runner");
    runner.quit().await;
}

#[tokio::test]
async fn frames_go_through_the_model_and_leave_its_inputs_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = models::save(folder.path(), "colours", &models::colours());
    let pipeline = models::colours_pipeline();
    let mut runner = start(&agent(), &birth()).await.unwrap();
    let request = LoadRequest { pipeline: Some(pipeline.clone()), ..request(&file) };
    runner.ask(&Request::Load(request), PATIENCE).await.unwrap();
    runner.ask(&Request::Run { n: 1 }, PATIENCE).await.unwrap();
    let all = Request::Outputs { wanted: vec![("y".into(), vec![])] };
    let of_inputs = runner.ask(&all, PATIENCE).await.unwrap();
    for _ in 0..2 {
        match runner.ask(&Request::Frames { n: 4 }, PATIENCE).await.unwrap() {
            Reply::Framed { times, .. } => {
                assert_eq!(times.len(), 4);
                for time in times {
                    let parts = [time.conversion, time.inference, time.post];
                    assert!(parts.iter().all(|part| part.0 > 0), "{time:?}");
                    assert!(time.total.0 >= parts.iter().map(|part| part.0).sum(), "{time:?}");
                }
            }
            other => panic!("{other:?}"),
        }
        let mut conversion = Conversion::new(&pipeline, (5, 4)).unwrap();
        let mut expected = vec![0.0; conversion.values()];
        conversion.convert(&source::frame(&pipeline.source).unwrap(), &mut expected);
        assert_eq!(runner.ask(&all, PATIENCE).await.unwrap(), Reply::Outputs { values: vec![expected] });
    }
    runner.ask(&Request::Run { n: 1 }, PATIENCE).await.unwrap();
    assert_eq!(runner.ask(&all, PATIENCE).await.unwrap(), of_inputs);
}

#[tokio::test]
async fn a_pipeline_that_does_not_fit_is_told_when_frames_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = models::save(folder.path(), "colours", &models::colours());
    let good = models::colours_pipeline();
    let mut runner = start(&agent(), &birth()).await.unwrap();
    for (pipeline, words) in [
        (None, "without a pipeline"),
        (Some(Pipeline { layout: Layout::Nhwc, ..good.clone() }), "does not fit the model's inputs: x: f32 1 x 3 x 4 x 5"),
        (Some(Pipeline { post: PostProcessing::TopK { k: 2 }, ..good.clone() }), "first output is y: f32 1 x 3 x 4 x 5"),
        (Some(Pipeline { std: [0.0; 3], ..good }), "std[0] cannot be 0"),
    ] {
        runner.ask(&Request::Load(LoadRequest { pipeline, ..request(&file) }), PATIENCE).await.unwrap();
        let failure = runner.ask(&Request::Frames { n: 1 }, PATIENCE).await.unwrap_err();
        assert_eq!(failure.reason, FailureReason::Unsupported, "{}", failure.detail);
        assert!(failure.detail.contains(words), "{}", failure.detail);
        assert!(runner.ask(&Request::Run { n: 1 }, PATIENCE).await.is_ok(), "the model can be measured all the same");
    }
}

#[tokio::test]
async fn files_that_are_no_models_are_told_as_such() {
    let whole = models::dense();
    for bytes in [b"".as_slice(), b"hello, this is no model at all", &[0xff; 64], &whole[..whole.len() / 2], &whole[..20]] {
        let (mut runner, reply) = load(bytes).await;
        let failure = reply.unwrap_err();
        assert_eq!(failure.reason, FailureReason::NotAModel, "{}", failure.detail);
        let again = runner.ask(&Request::Run { n: 1 }, PATIENCE).await.unwrap_err();
        assert_eq!(again.reason, FailureReason::ProtocolViolated, "the runner lives and has no model: {}", again.detail);
    }
    let mut runner = start(&agent(), &birth()).await.unwrap();
    let absent = runner.ask(&Request::Load(request(Path::new("/nowhere/m.onnx"))), PATIENCE).await.unwrap_err();
    assert_eq!(absent.reason, FailureReason::ArtifactUnavailable);
}

#[tokio::test]
async fn a_model_cut_anywhere_is_refused_by_a_runner_that_lives_on() {
    let folder = tempfile::tempdir().unwrap();
    let whole = models::dense();
    let mut runner = start(&agent(), &birth()).await.unwrap();
    for length in 0..whole.len() {
        let (file, _) = models::save(folder.path(), "cut", &whole[..length]);
        let failure =
            runner.ask(&Request::Load(request(&file)), PATIENCE).await.expect_err(&format!("{length} bytes were taken"));
        assert!(
            matches!(failure.reason, FailureReason::NotAModel | FailureReason::RefusedByEngine),
            "{length}: {:?} {}",
            failure.reason,
            failure.detail
        );
    }
}

#[tokio::test]
async fn an_operator_that_the_engine_lacks_is_named() {
    let failure = load(&models::unknown_operator()).await.1.unwrap_err();
    assert_eq!(failure.reason, FailureReason::UnsupportedOperator);
    assert!(failure.detail.contains("Frobnicate"), "{}", failure.detail);
}

#[tokio::test]
async fn open_dimensions_are_refused_unless_a_shape_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = models::save(folder.path(), "open", &models::open_dimension());
    let mut runner = start(&agent(), &birth()).await.unwrap();
    let failure = runner.ask(&Request::Load(request(&file)), PATIENCE).await.unwrap_err();
    assert_eq!(failure.reason, FailureReason::RefusedByEngine);
    assert!(failure.detail.contains("input 'x' leaves dimensions open"), "{}", failure.detail);
    let (_, dense) = models::save_dense(folder.path());
    let given = LoadRequest { inputs: dense.inputs, ..request(&file) };
    assert!(matches!(runner.ask(&Request::Load(given), PATIENCE).await, Ok(Reply::Loaded { .. })));
}

#[tokio::test]
async fn outputs_that_are_not_finite_are_said_to_be() {
    let (mut runner, reply) = load(&models::not_finite()).await;
    reply.unwrap();
    runner.ask(&Request::Run { n: 1 }, PATIENCE).await.unwrap();
    let failure = runner.ask(&Request::Outputs { wanted: vec![("y".into(), vec![])] }, PATIENCE).await.unwrap_err();
    assert!(failure.detail.contains("NaN"), "{}", failure.detail);
}

#[tokio::test]
async fn an_engine_that_this_build_lacks_is_missing() {
    let mut runner = start(&agent(), &birth()).await.unwrap();
    let other = LoadRequest { engine: "onnxruntime".into(), ..request(Path::new("m.onnx")) };
    let failure = runner.ask(&Request::Load(other), PATIENCE).await.unwrap_err();
    assert_eq!(failure.reason, FailureReason::EngineMissing);
}

#[tokio::test]
async fn a_model_that_needs_more_memory_than_allowed_dies_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = models::save(folder.path(), "enormous", &models::enormous());
    let mut runner = start(&agent(), &Birth { address_space: Some(512 << 20), ..birth() }).await.unwrap();
    let failure = runner.ask(&Request::Load(request(&file)), PATIENCE).await.unwrap_err();
    assert_eq!(failure.reason, FailureReason::RunnerDied);
    assert!(failure.detail.contains("memory allocation"), "{}", failure.detail);
}

#[tokio::test]
async fn a_runner_killed_within_a_block_is_dead_by_that_signal() {
    let (mut runner, reply) = load(&models::heavy()).await;
    reply.unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(runner.pid()).unwrap()).unwrap();
    let block = runner.ask(&Request::Run { n: 100_000 }, PATIENCE);
    let kill = async { rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap() };
    let (failure, ()) = tokio::join!(block, kill);
    let failure = failure.unwrap_err();
    assert_eq!(failure.reason, FailureReason::RunnerDied);
    assert!(failure.detail.contains("signal 9"), "{}", failure.detail);
    let again = runner.ask(&Request::Memory, PATIENCE).await.unwrap_err();
    assert_eq!(again, failure, "a dead runner stays dead for the same reason");
}

#[tokio::test]
async fn every_thread_of_a_runner_is_allowed_on_the_chosen_cpus_only() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = models::save(folder.path(), "heavy", &models::heavy());
    let own = LivePlacement.allowed().unwrap();
    let one: CpuSet = own.iter().take(1).collect();
    let mut runner = start(&agent(), &Birth { cpus: one.clone(), ..birth() }).await.unwrap();
    runner.ask(&Request::Load(LoadRequest { threads: 3, ..request(&file) }), PATIENCE).await.unwrap();
    runner.ask(&Request::Run { n: 2 }, PATIENCE).await.unwrap();
    let files = benchrack_agent::sysfs::LiveSysFs::at("/");
    let threads = benchrack_agent::evidence::threads::placements(&files, runner.pid());
    assert_eq!(threads.len(), 4, "three of the pool beside the first: {threads:?}");
    for thread in threads {
        assert_eq!(thread.allowed.value(), Some(&one), "{thread:?}");
        assert!(one.contains(*thread.last_cpu.value().unwrap()), "{thread:?}");
    }
    assert_eq!(LivePlacement.allowed().unwrap(), own, "our own thread is where it was");
}

#[tokio::test]
async fn programs_that_are_no_runners_are_told_apart() {
    let cases = [
        ("echo starting >&2; exit 3", FailureReason::RunnerDied, "exit status 3; it said: starting"),
        ("kill -ABRT $$", FailureReason::RunnerDied, "signal 6"),
        ("echo hello", FailureReason::ProtocolViolated, "hello"),
        (r#"echo '{"reply":"ready","protocol":2,"memory":{}}'; cat"#, FailureReason::ProtocolViolated, "version 2"),
        (r#"echo '{"reply":"memory"}'; cat"#, FailureReason::ProtocolViolated, "ready"),
    ];
    for (text, reason, word) in cases {
        let failure = start(&script(text), &birth()).await.err().unwrap();
        assert_eq!(failure.reason, reason, "{text}: {}", failure.detail);
        assert!(failure.detail.contains(word), "{text}: {}", failure.detail);
    }
    let missing = RunnerProgram { path: "/nowhere/runner".into(), args: vec![] };
    let failure = start(&missing, &birth()).await.err().unwrap();
    assert!(failure.detail.contains("/nowhere/runner"), "{}", failure.detail);
}

#[tokio::test]
async fn a_runner_sees_nothing_of_the_agents_secrets() {
    // Cargo sets this one for every test, so it stands for any variable of the agent.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let spy = script("echo \"$CARGO_MANIFEST_DIR-$PATH\" >&2; exit 1");
    let failure = start(&spy, &birth()).await.err().unwrap();
    assert!(failure.detail.contains("it said: -"), "{}", failure.detail);
    assert!(!failure.detail.contains(env!("CARGO_MANIFEST_DIR")), "{}", failure.detail);
}

#[tokio::test]
async fn a_runner_that_does_not_answer_is_hung_and_killed() {
    let mut runner = start(&script(&format!("{GREETING}; exec sleep 1000")), &birth()).await.unwrap();
    let pid = runner.pid();
    // From here time passes by itself as soon as everybody waits: no test waits for the patience.
    tokio::time::pause();
    let failure = runner.ask(&Request::Memory, PATIENCE).await.unwrap_err();
    assert_eq!(failure.reason, FailureReason::RunnerHung);
    assert!(failure.detail.contains("100 s"), "{}", failure.detail);
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "it is gone");
}

#[tokio::test]
async fn a_dropped_runner_is_killed() {
    let (runner, _) = load(&models::dense()).await;
    let pid = runner.pid();
    drop(runner);
    // The zombie goes when the runtime reaps it; a zombie runs no code.
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let dead = |state: &str| state.is_empty() || state.contains(") Z ") || state.contains(") X ");
    let mut state = state;
    while !dead(&state) {
        tokio::task::yield_now().await;
        state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    }
}
