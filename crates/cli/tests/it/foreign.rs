//! Models made by others: exported by torch, quantised by ONNX Runtime (tests/models/make.py), added and measured.

use std::path::PathBuf;

use benchrack_protocol::model::Precision;
use benchrack_protocol::runner::FailureReason;

use crate::farm::{self, Server};

fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models")).join(name)
}

/// A model that is well formed, with an operator that nobody has.
pub fn unknown_operator() -> Vec<u8> {
    let (known, unknown) = (b"GlobalAveragePool", b"FrobnicateAvgPool");
    let mut bytes = std::fs::read(file("torch-script.onnx")).unwrap();
    let places: Vec<usize> = (0..bytes.len() - known.len()).filter(|&at| bytes[at..].starts_with(known)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + known.len()].copy_from_slice(unknown);
    }
    bytes
}

#[tokio::test]
async fn exported_and_quantised_models_are_measured_or_say_which_operator_is_missing() {
    let _cores = farm::CORES.read().await;
    let folder = farm::folder();
    let server = Server::start(&folder.path().join("server"), 60);
    let _agent = farm::agent(&server.url(), &folder.path().join("agent"));
    farm::registered(&server.client()).await;
    let names = ["torch-script", "torch-dynamo", "ort-qdq", "ort-qdq-per-tensor", "ort-qoperator"];
    let (code, _, stderr) =
        farm::run(server.command().args(["models", "add"]).args(names.map(|name| file(name).with_extension("onnx"))));
    assert_eq!(code, 0, "{stderr}");
    let done = farm::finished(&server.client(), server.submit().id).await;
    assert!(done.jobs.iter().all(|job| job.state == "done"), "{done:#?}");
    let runs = server.client().runs(&benchrack_client::RunQuery::default()).await.unwrap();
    for name in names {
        let run = runs.iter().find(|run| run.model == name).unwrap_or_else(|| panic!("{name} has no run"));
        let precision = if name.starts_with("torch") { Precision::Fp32 } else { Precision::Int8 };
        assert_eq!(run.precision, precision, "{name}");
        if name == "ort-qoperator" {
            let failure = run.failure.as_ref().unwrap_or_else(|| panic!("{run:#?}"));
            assert_eq!(failure.reason, FailureReason::UnsupportedOperator, "{failure:?}");
            assert!(failure.detail.contains("QLinearAdd"), "{failure:?}");
        } else {
            assert!(run.failure.is_none() && !run.metrics.is_empty(), "{run:#?}");
        }
    }
}
