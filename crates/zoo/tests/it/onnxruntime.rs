//! Our files on ONNX Runtime, which shares nothing with this crate: what it answers must be what the manifests promise.
//!
//! It runs in the Python that `BENCHRACK_ONNXRUNTIME_PYTHON` names, else in the one that `.ci/setup` makes.

use std::path::{Path, PathBuf};

use benchrack_zoo::onnxruntime::{OnnxRuntime, OnnxRuntimeError};
use benchrack_zoo::{CATALOGUE, build, verify};

use crate::{families, starters};

/// Names a Python with onnxruntime, onnx and numpy.
const VARIABLE: &str = "BENCHRACK_ONNXRUNTIME_PYTHON";
/// Names a folder where the whole zoo is kept between runs of the test that builds it.
const FOLDER: &str = "BENCHRACK_ZOO";

/// A Python with the engines' packages, unless there is none here, which is said.
pub fn python() -> Option<PathBuf> {
    let cache = std::env::var_os("BENCHRACK_CI_CACHE").map(PathBuf::from).or_else(|| {
        let home = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"))).map(|cache| cache.join("benchrack-ci"))
    });
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let made = [cache, Some(workspace)].into_iter().flatten().map(|folder| folder.join("python/bin/python"));
    let python = std::env::var_os(VARIABLE).map(PathBuf::from).or_else(|| made.into_iter().find(|python| python.exists()));
    if python.is_none() {
        eprintln!("SKIPPED: no ONNX Runtime here; run .ci/setup, or set {VARIABLE} to a Python that has onnxruntime and onnx");
    }
    python
}

fn onnx_runtime() -> Option<OnnxRuntime> {
    Some(OnnxRuntime::start(&python()?).unwrap())
}

#[test]
fn onnx_runtime_gives_the_reference_outputs_of_the_starters() {
    let Some(mut runtime) = onnx_runtime() else { return };
    for built in starters() {
        let (comparison, version) = runtime.check(&built.path, &built.manifest).unwrap();
        eprintln!("{} {}, ONNX Runtime {version}: {comparison:?}", built.manifest.name, built.manifest.precision);
        assert!(comparison.within, "{} {}: {comparison:?}", built.manifest.name, built.manifest.precision);
    }
}

#[test]
fn onnx_runtime_agrees_with_every_other_family_on_small_pictures() {
    let Some(mut runtime) = onnx_runtime() else { return };
    let mut wrong = Vec::new();
    for built in families() {
        let (comparison, _) = runtime.check(&built.path, &built.manifest).unwrap();
        let line = format!("{} {}: {comparison:?}", built.manifest.name, built.manifest.precision);
        eprintln!("{line}");
        wrong.extend((!comparison.within).then_some(line));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn its_own_quantiser_is_not_better_by_more_than_a_decibel() {
    let Some(mut runtime) = onnx_runtime() else { return };
    for pair in starters().chunks_exact(2) {
        let [real, integer] = pair else { unreachable!("chunks of two") };
        let both = runtime.compare_quantisers(&real.path, &integer.path, &real.manifest).unwrap();
        eprintln!("{}: {both:?}", real.manifest.name);
        assert!(both.ours_db >= both.theirs_db - 1.0, "{}: {both:?}", real.manifest.name);
        assert!(both.ours_db > 15.0, "{}: {both:?}", real.manifest.name);
    }
}

#[test]
fn a_file_that_it_cannot_run_is_refused_and_the_next_one_runs() {
    let Some(mut runtime) = onnx_runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.onnx");
    std::fs::write(&path, b"no model").unwrap();
    let built = &starters()[0];
    let error = runtime.check(&path, &built.manifest).unwrap_err();
    assert!(matches!(error, OnnxRuntimeError::Refused(_)), "{error}");
    assert!(runtime.check(&built.path, &built.manifest).unwrap().0.within);
}

#[test]
fn a_python_that_is_none_says_what_is_wanted() {
    let error = OnnxRuntime::start(Path::new("no/such/python")).unwrap_err();
    assert!(error.to_string().contains("onnxruntime"), "{error}");
}

#[test]
#[ignore = "builds the whole zoo: minutes and gigabytes; `cargo test -p benchrack-zoo -- --ignored`"]
fn onnx_runtime_agrees_with_the_whole_zoo() {
    let Some(mut runtime) = onnx_runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let kept = std::env::var_os(FOLDER).map(PathBuf::from);
    let folder = kept.as_deref().unwrap_or(folder.path());
    let names: Vec<String> = CATALOGUE.iter().map(|architecture| architecture.name.to_owned()).collect();
    build(&names, folder, 1, &|step| eprintln!("{}/{} {}", step.done, step.total, step.what)).unwrap();
    let mut wrong = Vec::new();
    for verified in verify(folder).unwrap() {
        let manifest = verified.outcome.unwrap();
        let (comparison, _) = runtime.check(&verified.path.with_extension("onnx"), &manifest).unwrap();
        let line = format!("{} {}: {comparison:?}", manifest.name, manifest.precision);
        eprintln!("{line}");
        wrong.extend((!comparison.within).then_some(line));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
