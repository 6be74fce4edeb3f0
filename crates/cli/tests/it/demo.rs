//! `benchrack demo`: the first thing a person runs.

use benchrack_protocol::api::{Metric, Run};
use benchrack_protocol::model::Precision;

use crate::farm;

fn demo(data_dir: &std::path::Path) -> (i32, String, String) {
    let suite = tempfile::NamedTempFile::new().unwrap();
    let starter = farm::SUITE.replace("[\"*\"]", "[\"squeezenet-1.1\", \"mobilenet-v1-0.5-160\"]");
    std::fs::write(suite.path(), starter).unwrap();
    let mut command = farm::benchrack();
    command.args(["demo", "--exit", "--json", "--port", "0", "--suite"]).arg(suite.path()).arg("--data-dir").arg(data_dir);
    farm::run(&mut command)
}

#[test]
fn demo_measures_every_model_in_both_precisions_and_keeps_history() {
    let _cores = farm::CORES.blocking_read();
    let folder = farm::folder();
    let data = folder.path().join("data");
    let (code, stdout, stderr) = demo(&data);
    assert_eq!(code, 0, "{stderr}");
    let runs: Vec<Run> = serde_json::from_str(&stdout).unwrap();
    let mut measured: Vec<(String, Precision)> = runs.iter().map(|run| (run.model.clone(), run.precision)).collect();
    measured.sort();
    let expected = [
        ("mobilenet-v1-0.5-160".to_owned(), Precision::Fp32),
        ("mobilenet-v1-0.5-160".to_owned(), Precision::Int8),
        ("squeezenet-1.1".to_owned(), Precision::Fp32),
        ("squeezenet-1.1".to_owned(), Precision::Int8),
    ];
    assert_eq!(measured, expected);
    for run in &runs {
        let figure = |metric| run.metrics.iter().find(|(name, _)| *name == metric).map(|(_, figure)| *figure);
        let latency = figure(Metric::Latency).unwrap_or_else(|| panic!("{run:#?}"));
        assert!(latency.low > 0.0 && latency.low <= latency.value && latency.value <= latency.high, "{latency:?}");
        assert!(figure(Metric::PeakRss).is_some_and(|figure| figure.value > 1e6), "{run:#?}");
        let reasons = run.validity.as_ref().unwrap_or_else(|| panic!("{:?}", run.failure)).reasons().to_vec();
        let wrong = |reason| {
            matches!(
                reason,
                benchrack_protocol::validity::Reason::OutputsDiffer | benchrack_protocol::validity::Reason::Misplaced
            )
        };
        assert!(!reasons.iter().any(|doubt| wrong(doubt.reason)), "{reasons:?}");
    }
    let (code, stdout, stderr) = demo(&data);
    assert_eq!(code, 0, "{stderr}");
    let second: Vec<Run> = serde_json::from_str(&stdout).unwrap();
    let newest = runs.iter().map(|run| run.id).max().unwrap();
    assert!(second.iter().all(|run| run.id > newest), "the second demo's runs follow the first one's");
}

/// Needs a library of ONNX Runtime; the set-up of the tests names one.
#[test]
fn demo_measures_onnxruntime_beside_the_engine_inside_in_one_session() {
    let Some(library) = std::env::var_os("BENCHRACK_ONNXRUNTIME_LIBRARY").filter(|library| !library.is_empty()) else {
        eprintln!("SKIPPED: BENCHRACK_ONNXRUNTIME_LIBRARY names no library of ONNX Runtime");
        return;
    };
    let folder = farm::folder();
    let suite = tempfile::NamedTempFile::new().unwrap();
    let engines = "[\"mobilenet-v1-0.5-160\"]\nengines = [\"tract\", \"onnxruntime\"]\ntogether = [\"precision\", \"engine\"]";
    std::fs::write(suite.path(), farm::SUITE.replace("[\"*\"]", engines)).unwrap();
    let mut command = farm::benchrack();
    command.args(["demo", "--exit", "--json", "--port", "0", "--suite"]).arg(suite.path());
    command.arg("--data-dir").arg(folder.path().join("data")).env("BENCHRACK_ONNXRUNTIME_LIBRARY", library);
    let (code, stdout, stderr) = farm::run(&mut command);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("ONNX Runtime"), "a person is told which engines there are: {stderr}");
    let runs: Vec<Run> = serde_json::from_str(&stdout).unwrap();
    let mut measured: Vec<(&str, Precision)> =
        runs.iter().map(|run| (run.engine.split(' ').next().unwrap(), run.precision)).collect();
    measured.sort();
    let expected = ["onnxruntime", "tract"].map(|engine| [Precision::Fp32, Precision::Int8].map(|of| (engine, of)));
    assert_eq!(measured, expected.concat());
    assert!(runs.iter().all(|run| run.session == runs[0].session), "all four share a session");
    for run in &runs {
        assert!(run.metrics.iter().any(|(metric, figure)| *metric == Metric::Latency && figure.value > 0.0), "{run:#?}");
        let reasons = run.validity.as_ref().unwrap_or_else(|| panic!("{:?}", run.failure)).reasons().to_vec();
        let differ = benchrack_protocol::validity::Reason::OutputsDiffer;
        assert!(!reasons.iter().any(|doubt| doubt.reason == differ), "{reasons:?}");
    }
}
