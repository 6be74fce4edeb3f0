//! Models that come packed, through a real runner.

use std::path::Path;

use benchrack_agent::runner_process::Runner;
use benchrack_protocol::packaging::{PackageKey, Packaging, pack};
use benchrack_protocol::runner::{FailureReason, LoadRequest, PackedModel, Reply, Request};

use crate::models;
use crate::runner::{PATIENCE, agent, birth, start};

const KEY: PackageKey = PackageKey([0x5a; 32]);

fn packed(file: &Path, packaging: Packaging, key: Option<PackageKey>) -> Request {
    Request::Load(LoadRequest { package: Some(PackedModel { packaging, key }), ..LoadRequest::new(file, "tract", 1) })
}

#[tokio::test]
async fn a_model_of_any_packaging_gives_the_same_outputs() {
    let folder = tempfile::tempdir().unwrap();
    let mut runner = start(&agent(), &birth()).await.unwrap();
    let mut all = Vec::new();
    for packaging in Packaging::ALL {
        let key = packaging.is_encrypted().then_some(KEY);
        let file = folder.path().join(packaging.name());
        std::fs::write(&file, pack(packaging, &models::dense(), key.as_ref(), [7; 12]).unwrap()).unwrap();
        match runner.ask(&packed(&file, packaging, key), PATIENCE).await.unwrap() {
            Reply::Loaded { load, unpack, .. } => assert!(load.0 > 0 && unpack.is_some_and(|unpack| unpack.0 > 0)),
            other => panic!("{other:?}"),
        }
        runner.ask(&Request::Run { n: 1 }, PATIENCE).await.unwrap();
        all.push(runner.ask(&Request::Outputs { wanted: vec![("y".into(), vec![])] }, PATIENCE).await.unwrap());
    }
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{all:?}");
}

#[tokio::test]
async fn a_package_that_cannot_be_opened_says_why_and_never_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("package");
    std::fs::write(&file, pack(Packaging::ZstdThenEncrypted, &models::dense(), Some(&KEY), [7; 12]).unwrap()).unwrap();
    let mut runner = start(&agent(), &birth()).await.unwrap();
    let other = PackageKey([0xa5; 32]);
    for (request, words) in [
        (packed(&file, Packaging::ZstdThenEncrypted, Some(other)), "the key does not open"),
        (packed(&file, Packaging::ZstdThenEncrypted, None), "needs a key"),
        (packed(&file, Packaging::Zstd, None), "no Zstandard frame"),
        (packed(&folder.path().join("nowhere"), Packaging::Raw, None), "No such file"),
    ] {
        let failure = runner.ask(&request, PATIENCE).await.unwrap_err();
        assert_eq!(failure.reason, FailureReason::ArtifactUnavailable, "{}", failure.detail);
        assert!(failure.detail.contains(words), "{}", failure.detail);
        assert!(!failure.detail.contains("a5a5") && !failure.detail.contains("165, 165"), "{}", failure.detail);
    }
}
