//! The zoo as its users see it: files, manifests, engines.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

mod counts;
mod engines;
mod files;
mod foreign;
mod onnxruntime;

use std::sync::OnceLock;

use benchrack_zoo::graph::{Graph, GraphError};
use benchrack_zoo::{Architecture, Built, CATALOGUE};

/// Architectures whose files are built in every test run; the rest of the catalogue is checked in counts and small parts.
pub const STARTERS: [&str; 4] = ["squeezenet-1.1", "mobilenet-v1-1.0-224", "mobilenet-v1-0.5-160", "resnet-18"];

/// The starter models, built once.
pub fn starters() -> &'static [Built] {
    static BUILT: OnceLock<(tempfile::TempDir, Vec<Built>)> = OnceLock::new();
    let (_, built) = BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let built = benchrack_zoo::build(&STARTERS.map(str::to_owned), folder.path(), 1, &|_| {}).unwrap();
        (folder, built)
    });
    built
}

/// An architecture that only a test builds.
pub const fn small(name: &'static str, graph: fn() -> Result<Graph, GraphError>) -> Architecture {
    Architecture { name, family: name, variant: "small", graph, published: &[], notes: &[] }
}

#[test]
fn every_name_is_unique_and_made_of_family_and_variant() {
    for (index, architecture) in CATALOGUE.iter().enumerate() {
        assert!(CATALOGUE[..index].iter().all(|other| other.name != architecture.name), "{} is there twice", architecture.name);
        assert_eq!(architecture.name, format!("{}-{}", architecture.family, architecture.variant));
    }
}
