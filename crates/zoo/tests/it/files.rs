//! Files on disk: the same bytes from the same seed, kept while they are right, made again when not.

use std::fs;

use benchrack_protocol::model::{Manifest, Precision};
use benchrack_zoo::{Mismatch, ZooError, build, inspect, verify};

use crate::starters;

const SMALL: &str = "mobilenet-v1-0.5-160";

#[test]
fn the_same_seed_gives_the_bits_it_always_gave() {
    let lines: Vec<String> = starters()
        .iter()
        .map(|built| format!("{} {} {}", built.manifest.name, built.manifest.precision, built.manifest.artifact))
        .collect();
    let text = format!("generator {}\n{}", benchrack_zoo::generate::GENERATOR, lines.join("\n"));
    insta::assert_snapshot!("digests", text);
}

#[test]
fn manifests_say_what_the_snapshot_says() {
    let cut = |built: &benchrack_zoo::Built| {
        let mut manifest = built.manifest.clone();
        for reference in &mut manifest.references {
            reference.values.truncate(4);
        }
        serde_json::to_string_pretty(&manifest).unwrap()
    };
    let small: Vec<String> = starters().iter().filter(|built| built.manifest.name == SMALL).map(cut).collect();
    insta::assert_snapshot!("manifest", small.join("\n"));
}

#[test]
fn another_build_is_identical_byte_for_byte_and_another_seed_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let again = build(&[SMALL.into()], folder.path(), 1, &|_| {}).unwrap();
    for built in &again {
        let first = starters().iter().find(|first| first.manifest == built.manifest).expect("the same manifest");
        assert_eq!(fs::read(&first.path).unwrap(), fs::read(&built.path).unwrap());
    }
    let other = build(&[SMALL.into()], folder.path(), 2, &|_| {}).unwrap();
    assert!(other.iter().all(|built| !built.cached));
    assert_ne!(other[0].manifest.artifact, again[0].manifest.artifact);
}

#[test]
fn files_that_are_right_are_kept_and_damaged_ones_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let names = [SMALL.to_owned()];
    let first = build(&names, folder.path(), 1, &|_| {}).unwrap();
    assert!(first.iter().all(|built| !built.cached));
    assert!(build(&names, folder.path(), 1, &|_| {}).unwrap().iter().all(|built| built.cached));

    let mut bytes = fs::read(&first[1].path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&first[1].path, &bytes).unwrap();
    let damaged = verify(folder.path()).unwrap();
    assert!(
        matches!(damaged[..], [ref good, ref bad] if good.outcome.is_ok() && matches!(bad.outcome, Err(Mismatch::Digest { .. })))
    );

    let mended = build(&names, folder.path(), 1, &|_| {}).unwrap();
    assert!(mended.iter().all(|built| !built.cached));
    assert_eq!(mended[1].manifest, first[1].manifest);
    assert!(verify(folder.path()).unwrap().iter().all(|verified| verified.outcome.is_ok()));
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "only two models and two manifests remain: {left:?}");
}

#[test]
fn progress_counts_every_file_and_ends_at_the_total() {
    let folder = tempfile::tempdir().unwrap();
    let seen = std::sync::Mutex::new(Vec::new());
    build(&[SMALL.into()], folder.path(), 1, &|step| seen.lock().unwrap().push((step.done, step.total, step.what))).unwrap();
    assert_eq!(*seen.lock().unwrap(), [(1, 2, format!("{SMALL} fp32")), (2, 2, format!("{SMALL} int8"))]);
}

#[test]
fn unknown_names_and_unusable_folders_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let error = build(&["alexnet-9".into()], folder.path(), 1, &|_| {}).unwrap_err();
    assert!(error.to_string().contains("squeezenet-1.1"), "{error}");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = build(&[SMALL.into()], &file.join("zoo"), 1, &|_| {}).unwrap_err();
    assert!(matches!(error, ZooError::Io { action: "create", .. }), "{error}");
    let empty: Vec<String> = Vec::new();
    assert!(build(&empty, folder.path(), 1, &|_| {}).unwrap().is_empty());
}

#[test]
fn our_own_files_are_described_from_the_outside_as_their_manifests_do() {
    for built in starters() {
        let seen = inspect(&built.path, &[]).unwrap();
        let Manifest { name, precision, artifact, size, inputs, outputs, operators, opset, macs, .. } = built.manifest.clone();
        assert_eq!(
            (&seen.name, seen.precision, seen.artifact, seen.size, seen.opset, seen.macs),
            (&name, precision, artifact, size, opset, macs)
        );
        assert_eq!((seen.inputs, seen.outputs, seen.operators), (inputs, outputs, operators));
        // Folding gives each convolution a bias and takes gamma and beta away: half of what normalisation had learnt.
        let (seen, counted) = (seen.parameters.unwrap(), built.manifest.parameters.unwrap());
        assert!(seen <= counted && seen > counted * 98 / 100, "{name} {precision}: {seen} of {counted}");
    }
}

#[test]
fn int8_files_hold_only_operators_that_engines_have() {
    let allowed =
        ["Add", "Concat", "Conv", "DequantizeLinear", "Flatten", "GlobalAveragePool", "MaxPool", "QLinearConv", "QuantizeLinear"];
    for built in starters().iter().filter(|built| built.manifest.precision == Precision::Int8) {
        for (operator, _) in &built.manifest.operators {
            assert!(allowed.contains(&operator.as_str()), "{} has {operator}", built.manifest.name);
        }
    }
}

#[test]
fn int8_stays_close_to_fp32() {
    for (name, floor) in [("squeezenet-1.1", 20.0), ("mobilenet-v1-1.0-224", 25.0), (SMALL, 25.0), ("resnet-18", 25.0)] {
        let built =
            starters().iter().find(|built| built.manifest.name == name && built.manifest.precision == Precision::Int8).unwrap();
        let fidelity = built.manifest.fidelity.clone().unwrap();
        assert!(fidelity.sqnr_db >= floor, "{name}: {} dB", fidelity.sqnr_db);
    }
}
