//! The zoo as its users see it: files, manifests, engines.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

mod counts;
mod engines;
mod files;
mod foreign;
mod onnxruntime;
mod openvino;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use benchrack_zoo::architectures::*;
use benchrack_zoo::generate::{Generated, generate};
use benchrack_zoo::graph::{Graph, GraphError};
use benchrack_zoo::low_rank::low_rank;
use benchrack_zoo::{Built, CATALOGUE};
use rayon::prelude::*;

/// Architectures whose files are built in every test run; the rest of the catalogue is checked in counts and small parts.
pub const STARTERS: [&str; 4] = ["squeezenet-1.1", "mobilenet-v1-1.0-224", "mobilenet-v1-0.5-160", "resnet-18"];

/// The starter models, built once.
pub fn starters() -> &'static [Built] {
    static BUILT: OnceLock<(Folder, Vec<Built>)> = OnceLock::new();
    let (_, built) = BUILT.get_or_init(|| {
        let folder = Folder::new("zoo-starters");
        let built = benchrack_zoo::build(&STARTERS.map(str::to_owned), &folder.path, 1, &|_| {}).unwrap();
        (folder, built)
    });
    built
}

/// A folder for what all tests share. Nothing drops a static, so the folder is no temporary one: it has a name, and the next
/// run of these tests empties it. A run that starts meanwhile waits.
struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let lock = File::create(path.with_extension("lock")).unwrap();
        lock.lock().unwrap();
        if path.exists() {
            std::fs::remove_dir_all(&path).unwrap();
        }
        std::fs::create_dir(&path).unwrap();
        Self { path, _lock: lock }
    }
}

/// Families that are too large to be checked as they are in every test run, over smaller pictures or with fewer channels.
const SMALL: &[Architecture] = &[
    small("squeezenet-1.0", || squeezenet(Version::V1_0, Fires { squeeze_ratio: 500, share_3x3: 25, width: 50 }, 64, 10)),
    small("squishednet", || squishednet(57, 64, 10)),
    small("mobilenet-v2", || mobilenet_v2(50, 96, 100)),
    small("mobilenet-v3-small", || mobilenet_v3(Size::Small, 96, 100)),
    small("mobilenet-v3-large", || mobilenet_v3(Size::Large, 64, 100)),
    small("shufflenet-v1-g3", || shufflenet_v1(3, 50, 96, 100)),
    small("shufflenet-v2", || shufflenet_v2(5, 96, 100)),
    small("nasnet-a", || nasnet_a(1, 528, 96, 100)),
    small("enet", || enet(64, 96, 19)),
    small("resnet-50", || resnet_50(64, 100)),
    small("resnet-v2-50", || resnet_v2_50(64, 100)),
    small("resnext-50", || resnext_50(64, 100)),
    small("densenet-121", || densenet_121(64, 100)),
    small("inception-v3", || inception_v3(107, 100)),
    small("alexnet", || alexnet(71, 100)),
    small("alexnet-pruned", || Ok(alexnet(71, 100)?.pruned(80))),
    small("mobilenet-v1-low-rank", || Ok(low_rank(mobilenet_v1(50, 96, 100)?, 25))),
    small("trunk-factorised", || trunk(Kernel::Factorised, Head::GlobalAveragePool, 64, 100)),
    small("trunk-fc", || trunk(Kernel::Square, Head::FullyConnected, 32, 100)),
];

/// The small families in both precisions, built once.
pub fn families() -> &'static [Built] {
    static BUILT: OnceLock<(Folder, Vec<Built>)> = OnceLock::new();
    let (_, built) = BUILT.get_or_init(|| {
        let folder = Folder::new("zoo-families");
        let one = |architecture: &Architecture| {
            generate(architecture, 1).unwrap().map(|Generated { manifest, bytes }| {
                let path = folder.path.join(format!("{}.{}.onnx", manifest.name, manifest.precision));
                std::fs::write(&path, &bytes).unwrap();
                Built { manifest, path, cached: false }
            })
        };
        let built = SMALL.par_iter().with_max_len(1).flat_map_iter(one).collect();
        (folder, built)
    });
    built
}

/// An architecture that only a test builds.
const fn small(name: &'static str, graph: fn() -> Result<Graph, GraphError>) -> Architecture {
    Architecture { name, family: name, variant: "small", graph, published: &[], notes: &[] }
}

#[test]
fn every_name_is_unique_and_made_of_family_and_variant() {
    for (index, architecture) in CATALOGUE.iter().enumerate() {
        assert!(CATALOGUE[..index].iter().all(|other| other.name != architecture.name), "{} is there twice", architecture.name);
        assert_eq!(architecture.name, format!("{}-{}", architecture.family, architecture.variant));
    }
}
