//! Engines whose library is loaded at run time, and benchmark programs of others, through real runner processes. The
//! libraries come from the set-up (`.ci/setup`); without them the tests that want them say SKIPPED.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use benchrack_agent::adapter;
use benchrack_agent::runner_process::{Runner, RunnerProcess};
use benchrack_agent::session::Artifacts;
use benchrack_protocol::engine::{EngineEvidence, EngineRef, IntegerKernels};
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::model::{ElementType, Precision, TensorSpec};
use benchrack_protocol::report::{Failure, OutputCheck};
use benchrack_protocol::runner::{FailureReason, LoadRequest, Reply, Request};
use benchrack_protocol::tensor::{Tolerance, compare};
use benchrack_protocol::units::Nanos;
use benchrack_protocol::validity::{Reason, Validity, assess};

use crate::models;
use crate::runner::{PATIENCE, agent, birth, start};
use crate::session::{failed, measured, run, spec};

/// The Python environment that the set-up makes.
fn site_packages() -> Option<PathBuf> {
    let cache = std::env::var_os("BENCHRACK_CI_CACHE").map(PathBuf::from).or_else(|| {
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
        cache.map(|cache| cache.join("benchrack-ci"))
    });
    let target = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target"));
    let folders = cache.into_iter().chain([target]).map(|folder| folder.join("python/lib"));
    let versions = folders.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    versions.map(|version| version.path().join("site-packages")).find(|folder| folder.is_dir())
}

/// A file of this folder whose name begins so.
fn find(folder: &Path, begins: &str) -> Option<PathBuf> {
    let mut entries = std::fs::read_dir(folder).ok()?.flatten();
    entries.find(|entry| entry.file_name().to_string_lossy().starts_with(begins)).map(|entry| entry.path())
}

/// ONNX Runtime's library, or a loud word that a test is skipped.
pub fn onnxruntime() -> Option<PathBuf> {
    let named = std::env::var_os("BENCHRACK_ONNXRUNTIME_LIBRARY").map(PathBuf::from);
    let found = named.or_else(|| find(&site_packages()?.join("onnxruntime/capi"), "libonnxruntime.so"));
    if found.is_none() {
        eprintln!("SKIPPED: no ONNX Runtime; run .ci/setup, or name its library in BENCHRACK_ONNXRUNTIME_LIBRARY");
    }
    found
}

/// The interpreter of the same environment.
pub fn python() -> Option<PathBuf> {
    let found =
        site_packages().and_then(|folder| Some(folder.ancestors().nth(3)?.join("bin/python"))).filter(|python| python.exists());
    if found.is_none() {
        eprintln!("SKIPPED: no Python with onnxruntime; run .ci/setup");
    }
    found
}

fn openvino() -> Option<PathBuf> {
    let named = std::env::var_os("BENCHRACK_OPENVINO_LIBRARY").map(PathBuf::from);
    let found = named.or_else(|| find(&site_packages()?.join("openvino/libs"), "libopenvino_c.so"));
    if found.is_none() {
        eprintln!("SKIPPED: no OpenVINO; run .ci/setup, or name its C library in BENCHRACK_OPENVINO_LIBRARY");
    }
    found
}

fn engines() -> Vec<(&'static str, PathBuf)> {
    let onnxruntime = onnxruntime().map(|library| ("onnxruntime", library));
    onnxruntime.into_iter().chain(openvino().map(|library| ("openvino", library))).collect()
}

fn request(model: &Path, engine: &str, library: &Path) -> LoadRequest {
    LoadRequest { library: Some(library.to_owned()), ..LoadRequest::new(model, engine, 1) }
}

async fn load(request: LoadRequest) -> (RunnerProcess, Result<EngineEvidence, Failure>) {
    let mut runner = start(&agent(), &birth()).await.unwrap();
    let evidence = match runner.ask(&Request::Load(request), PATIENCE).await {
        Ok(Reply::Loaded { evidence, .. }) => Ok(evidence),
        Ok(other) => panic!("{other:?}"),
        Err(failure) => Err(failure),
    };
    (runner, evidence)
}

async fn outputs(runner: &mut RunnerProcess, name: &str) -> Vec<f32> {
    assert!(matches!(runner.ask(&Request::Run { n: 2 }, PATIENCE).await, Ok(Reply::Ran { .. })));
    match runner.ask(&Request::Outputs { wanted: vec![(name.into(), vec![])] }, PATIENCE).await.unwrap() {
        Reply::Outputs { mut values } => values.remove(0),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_loaded_engine_measures_answers_and_tells_what_it_executed() {
    let folder = tempfile::tempdir().unwrap();
    let (file, manifest) = models::save_dense(folder.path());
    let expected = models::dense_output(&models::GENERATOR.generate(&[1, 8]));
    for (engine, library) in engines() {
        let request = LoadRequest {
            inputs: manifest.inputs.clone(),
            generators: manifest.generators.clone(),
            ..request(&file, engine, &library)
        };
        let (mut runner, evidence) = load(request).await;
        let evidence = evidence.unwrap();
        assert_eq!((evidence.engine.as_str(), evidence.threads), (engine, 1));
        assert!(evidence.version.starts_with(|first: char| first.is_ascii_digit()), "{}", evidence.version);
        // OpenVINO does not tell.
        let told: &[(Precision, u32)] = if engine == "openvino" { &[] } else { &[(Precision::Fp32, 1)] };
        assert_eq!(evidence.executed, told, "{engine}: {evidence:?}");
        assert_eq!(evidence.integer_kernels, IntegerKernels::None);
        assert!(!evidence.settings.is_empty() && !evidence.kernels.is_empty());
        let actual = outputs(&mut runner, "y").await;
        assert!(compare(&actual, &expected, Tolerance::FP32).within, "{engine}: {actual:?} {expected:?}");
        match runner.ask(&Request::Profile { n: 3 }, PATIENCE).await {
            Ok(Reply::Profile { operators }) => assert!(operators.iter().any(|operator| operator.time.0 > 0), "{operators:?}"),
            Err(failure) => assert_eq!((engine, failure.reason), ("openvino", FailureReason::Unsupported), "{failure:?}"),
            other => panic!("{other:?}"),
        }
        runner.quit().await;
    }
}

/// Models of others: torch's two exporters, and ONNX Runtime's quantiser in both forms, per tensor and per channel.
#[tokio::test]
async fn foreign_files_give_the_same_answers_on_every_engine_that_runs_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/cli/tests/models");
    let input = TensorSpec { name: "picture".into(), element: ElementType::F32, shape: vec![1, 3, 48, 48] };
    for (name, precision) in [
        ("torch-script", Precision::Fp32),
        ("torch-dynamo", Precision::Fp32),
        ("ort-qdq", Precision::Int8),
        ("ort-qdq-per-tensor", Precision::Int8),
        ("ort-qoperator", Precision::Int8),
    ] {
        let file = folder.join(name).with_extension("onnx");
        let output = benchrack_agent::runner::peek(&file).unwrap().outputs.remove(0);
        let request = |engine: &str, library: Option<&PathBuf>| LoadRequest {
            library: library.cloned(),
            inputs: vec![input.clone()],
            ..LoadRequest::new(&file, engine, 1)
        };
        let (mut runner, built_in) = load(request("tract", None)).await;
        let reference = match built_in {
            Ok(_) => Some(outputs(&mut runner, &output).await),
            // The form with operators of the com.microsoft domain.
            Err(failure) => {
                assert_eq!((name, failure.reason), ("ort-qoperator", FailureReason::UnsupportedOperator), "{failure:?}");
                None
            }
        };
        for (engine, library) in engines() {
            let (mut runner, evidence) = load(request(engine, Some(&library))).await;
            if (engine, name) == ("openvino", "ort-qoperator") {
                let failure = evidence.unwrap_err();
                assert_eq!(failure.reason, FailureReason::UnsupportedOperator, "{failure:?}");
                continue;
            }
            let evidence = evidence.unwrap();
            let integer = evidence.executed.iter().any(|(executed, _)| *executed == Precision::Int8);
            let expected = engine == "onnxruntime" && precision == Precision::Int8;
            assert_eq!(integer, expected, "{engine} {name}: {:?}", evidence.executed);
            let actual = outputs(&mut runner, &output).await;
            if let Some(reference) = &reference {
                // Engines round the activations of int8 in other places.
                let tolerance = match precision {
                    Precision::Int8 => Tolerance { max_relative_error: 0.2, min_cosine: 0.99 },
                    _ => Tolerance::FP32,
                };
                let comparison = compare(&actual, reference, tolerance);
                assert!(comparison.within, "{engine} {name}: {comparison:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_loaded_engine_names_the_operator_that_it_lacks_and_files_that_are_no_models() {
    let folder = tempfile::tempdir().unwrap();
    let (unknown, _) = models::save(folder.path(), "unknown", &models::unknown_operator());
    let (empty, _) = models::save(folder.path(), "empty", b"");
    let (text, _) = models::save(folder.path(), "text", b"hello, this is no model at all");
    for (engine, library) in engines() {
        let failure = load(request(&unknown, engine, &library)).await.1.unwrap_err();
        assert_eq!(failure.reason, FailureReason::UnsupportedOperator, "{engine}: {}", failure.detail);
        assert!(failure.detail.contains("Frobnicate"), "{engine}: {}", failure.detail);
        for file in [&empty, &text] {
            let (mut runner, result) = load(request(file, engine, &library)).await;
            let failure = result.unwrap_err();
            assert_eq!(failure.reason, FailureReason::NotAModel, "{engine} {}: {}", file.display(), failure.detail);
            assert!(matches!(runner.ask(&Request::Memory, PATIENCE).await, Ok(Reply::Memory(_))), "the runner lives");
        }
        let absent = load(request(Path::new("/nowhere/m.onnx"), engine, &library)).await.1.unwrap_err();
        assert_eq!(absent.reason, FailureReason::ArtifactUnavailable, "{engine}: {}", absent.detail);
    }
}

#[tokio::test]
async fn an_engine_without_its_library_says_where_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = models::save_dense(folder.path());
    let (no_library, _) = models::save(folder.path(), "no-library", b"not a shared library");
    for (engine, word) in [("onnxruntime", "wheel"), ("openvino", "wheel"), ("ncnn", "adapter")] {
        let failure = load(LoadRequest::new(&file, engine, 1)).await.1.unwrap_err();
        assert_eq!(failure.reason, FailureReason::EngineMissing);
        assert!(failure.detail.contains(word), "{}", failure.detail);
    }
    for library in [Path::new("/nowhere/lib.so"), &no_library] {
        for engine in ["onnxruntime", "openvino"] {
            let failure = load(request(&file, engine, library)).await.1.unwrap_err();
            assert_eq!(failure.reason, FailureReason::EngineMissing, "{}", failure.detail);
            assert!(failure.detail.contains(library.to_str().unwrap()), "{}", failure.detail);
        }
    }
}

/// An engine whose build is this file.
fn of_file(name: &str, path: &Path, artifacts: &mut Artifacts) -> EngineRef {
    let build = ArtifactId::of(path.as_os_str().as_encoded_bytes());
    artifacts.insert(build, Ok(path.to_owned()));
    EngineRef { build: Some(build), ..EngineRef::named(name) }
}

#[tokio::test]
async fn subjects_of_several_engines_share_a_session() {
    let folder = tempfile::tempdir().unwrap();
    let (file, dense) = models::save_dense(folder.path());
    let mut artifacts: Artifacts = [(dense.artifact, Ok(file))].into();
    let found = engines();
    let mut spec = spec(&vec![&dense; found.len() + 1], 2);
    for (subject, (name, library)) in spec.subjects.iter_mut().skip(1).zip(&found) {
        subject.engine = of_file(name, library, &mut artifacts);
    }
    spec.plan.profile = true;
    let report = run(spec, &artifacts, folder.path(), &agent()).await;
    let names: Vec<&str> = report.runs.iter().map(|run| measured(run).engine.engine.as_str()).collect();
    let expected: Vec<&str> = std::iter::once("tract").chain(found.iter().map(|(name, _)| *name)).collect();
    assert_eq!(names, expected);
    for run in &report.runs {
        let run = measured(run);
        assert_eq!(run.blocks.len(), 2);
        assert!(!run.profile.is_empty() || run.engine.engine == "openvino");
        assert!(matches!(&run.outputs, OutputCheck::Compared { outputs } if outputs[0].1.within), "{:?}", run.outputs);
    }
}

/// A program that prints what tract's command line would.
fn program(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("program");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn tract_adapter() -> benchrack_protocol::adapter::Adapter {
    adapter::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/adapters/tract.toml")).unwrap()
}

#[tokio::test]
async fn a_benchmark_program_gives_a_summary_that_is_marked_so() {
    let folder = tempfile::tempdir().unwrap();
    let (file, dense) = models::save_dense(folder.path());
    // It notes its arguments, so that they can be looked at; no shell stands between.
    let noted = folder.path().join("noted");
    let script = format!("echo \"$@\" >> {}\necho 'Bench ran '$6' times, 25.336 ms/i.' >&2", noted.display());
    let mut artifacts: Artifacts = [(dense.artifact, Ok(file.clone()))].into();
    let mut engine = of_file("tract-cli", &program(folder.path(), &script), &mut artifacts);
    engine.adapter = Some(tract_adapter());
    let mut spec = spec(&[&dense, &dense], 2);
    spec.plan.block_time = Nanos(1_000_000_000);
    spec.subjects[0].engine = engine;
    spec.plan.blocks = 2;
    spec.subjects.truncate(1);
    let report = run(spec, &artifacts, folder.path(), &agent()).await;
    let run = measured(&report.runs[0]);
    let summary = run.summary.as_ref().unwrap();
    assert_eq!(summary.mean, Some(Nanos(25_336_000)));
    assert_eq!(summary.count, Some(79), "two blocks of a second of inferences of 25.336 ms");
    assert!(run.blocks.is_empty() && run.memory.peak_rss.is_some());
    let validity = assess(&report.spec.operating_point, report.evidence.as_ref().unwrap(), run);
    assert!(matches!(validity, Validity::Degraded { .. }), "{validity:?}");
    assert!(validity.reasons().iter().any(|doubt| doubt.reason == Reason::SummaryOnly), "{validity:?}");
    let noted = std::fs::read_to_string(noted).unwrap();
    let model = std::fs::canonicalize(file).unwrap();
    assert_eq!(
        noted,
        format!(
            "{0} -O bench -R --max-loops 10 --warmup-loops 5\n{0} -O bench -R --max-loops 79 --warmup-loops 5\n",
            model.display()
        )
    );
}

#[tokio::test]
async fn a_real_benchmark_program_is_called_and_read() {
    let program = python().map(|python| python.with_file_name("benchmark_app")).filter(|program| program.exists());
    let Some(program) = program else {
        eprintln!("SKIPPED: no benchmark_app of OpenVINO; run .ci/setup");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (file, dense) = models::save_dense(folder.path());
    let mut artifacts: Artifacts = [(dense.artifact, Ok(file))].into();
    let mut spec = spec(&[&dense], 2);
    spec.subjects[0].engine = of_file("openvino-benchmark-app", &program, &mut artifacts);
    let adapter_file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/adapters/openvino-benchmark-app.toml");
    spec.subjects[0].engine.adapter = Some(adapter::load(&adapter_file).unwrap());
    let report = run(spec, &artifacts, folder.path(), &agent()).await;
    let run = measured(&report.runs[0]);
    let summary = run.summary.as_ref().unwrap();
    assert_eq!(summary.count, Some(10));
    assert!(summary.minimum <= summary.median && summary.median <= summary.maximum, "{summary:?}");
    assert!(run.load.0 > 0 && run.first_inference.0 > 0);
    assert!(run.engine.version.starts_with("20"), "{}", run.engine.version);
}

#[tokio::test]
async fn a_benchmark_program_that_fails_or_says_nothing_is_a_result_with_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let (file, dense) = models::save_dense(folder.path());
    for (script, reason, word) in [
        ("echo 'Illegal model' >&2; exit 3", FailureReason::InferenceFailed, "Illegal model"),
        ("echo hello", FailureReason::InferenceFailed, "no latency that its adapter knows: hello"),
        ("kill -SEGV $$", FailureReason::InferenceFailed, "signal: 11"),
        ("echo 'Bench ran 5 times, -3 ms/i.'", FailureReason::InferenceFailed, "Mean"),
    ] {
        let mut artifacts: Artifacts = [(dense.artifact, Ok(file.clone()))].into();
        let mut engine = of_file("tract-cli", &program(folder.path(), script), &mut artifacts);
        engine.adapter = Some(tract_adapter());
        let mut spec = spec(&[&dense], 2);
        spec.subjects[0].engine = engine;
        let report = run(spec, &artifacts, folder.path(), &agent()).await;
        let (found, detail) = failed(&report.runs[0]);
        assert_eq!(found, reason, "{detail}");
        assert!(detail.contains(word), "{script}: {detail}");
    }
}

#[tokio::test]
async fn a_program_that_cannot_be_run_or_takes_other_models_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (file, dense) = models::save_dense(folder.path());
    let request = |library: Option<PathBuf>| LoadRequest {
        library,
        adapter: Some(tract_adapter()),
        ..LoadRequest::new(&file, "tract-cli", 1)
    };
    for (library, word) in
        [(None, "is missing"), (Some("/nowhere/program".into()), "/nowhere/program"), (Some(file.clone()), "chmod +x")]
    {
        let failure = load(request(library)).await.1.unwrap_err();
        assert_eq!(failure.reason, FailureReason::EngineMissing);
        assert!(failure.detail.contains(word), "{}", failure.detail);
    }
    let mut artifacts: Artifacts = [(dense.artifact, Ok(file.clone()))].into();
    let mut spec = spec(&[&dense], 2);
    spec.subjects[0].engine = of_file("litert", &program(folder.path(), "exit 0"), &mut artifacts);
    let litert = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/adapters/litert-benchmark-model.toml");
    spec.subjects[0].engine.adapter = Some(adapter::load(&litert).unwrap());
    let report = run(spec, &artifacts, folder.path(), &agent()).await;
    let (reason, detail) = failed(&report.runs[0]);
    assert_eq!(reason, FailureReason::RefusedByEngine);
    assert!(detail.contains("takes tflite, the model is onnx"), "{detail}");
}

#[tokio::test]
async fn a_program_that_never_ends_dies_with_its_runner() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = models::save_dense(folder.path());
    let noted = folder.path().join("pid");
    // The number is there whole or not at all.
    let script = format!("echo $$ > {0}.partial; mv {0}.partial {0}; exec sleep 100000", noted.display());
    let request = LoadRequest {
        library: Some(program(folder.path(), &script)),
        adapter: Some(tract_adapter()),
        ..LoadRequest::new(&file, "tract-cli", 1)
    };
    let (mut runner, evidence) = load(request).await;
    evidence.unwrap();
    let asked = runner.ask(&Request::Run { n: 5 }, PATIENCE);
    let started = async {
        while !noted.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answer = asked => panic!("{answer:?}"),
        () = started => {}
    }
    let pid = std::fs::read_to_string(noted).unwrap().trim().to_owned();
    drop(runner);
    let lives = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !(stat.is_empty() || stat.contains(") Z ") || stat.contains(") X "))
    };
    while lives() {
        tokio::task::yield_now().await;
    }
}
