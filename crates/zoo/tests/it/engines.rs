//! Our own files on an independent engine, held to the manifests' references and tolerances.

use std::path::Path;

use benchrack_protocol::model::{Manifest, Precision};
use benchrack_protocol::tensor::{Comparison, compare};
use tract_onnx::prelude::*;

use benchrack_zoo::architectures::*;
use benchrack_zoo::generate::{Generated, generate};
use rayon::prelude::*;

use crate::{small, starters};

/// The other families, on pictures that are small enough for every test run.
const SMALL: &[Architecture] = &[
    small("squeezenet-1.0", || squeezenet(Version::V1_0, Fires::PUBLISHED, 64, 10)),
    small("mobilenet-v2", || mobilenet_v2(50, 96, 100)),
    small("mobilenet-v3-small", || mobilenet_v3(Size::Small, 96, 100)),
    small("nasnet-a", || nasnet_a(1, 528, 96, 100)),
    small("trunk-factorised", || trunk(Kernel::Factorised, Head::GlobalAveragePool, 64, 100)),
    small("shufflenet-v1-g3", || shufflenet_v1(3, 50, 96, 100)),
    small("shufflenet-v2", || shufflenet_v2(5, 96, 100)),
    small("resnet-v2-50", || resnet_v2_50(64, 100)),
    small("resnext-50", || resnext_50(64, 100)),
    small("densenet-121", || densenet_121(64, 100)),
    small("inception-v3", || inception_v3(107, 100)),
    small("alexnet", || alexnet(71, 100)),
];

/// The file's outputs on tract, for the manifest's own input.
fn on_tract(path: &Path, manifest: &Manifest) -> Vec<f32> {
    let shape = &manifest.inputs[0].shape;
    let model = tract_onnx::onnx().model_for_path(path).unwrap();
    let model = model.with_input_fact(0, f32::fact(shape.as_slice()).into()).unwrap();
    let plan = model.into_optimized().unwrap().into_runnable().unwrap();
    let input = Tensor::from_shape(shape, &manifest.generators[0].generate(shape)).unwrap();
    let outputs = plan.run(tvec!(input.into_tvalue())).unwrap();
    outputs[0].try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec()
}

/// How an engine's outputs compare with the manifest's reference.
fn against_reference(outputs: &[f32], manifest: &Manifest) -> Comparison {
    let reference = &manifest.references[0];
    let at: Vec<f32> = match reference.positions[..] {
        [] => outputs.to_vec(),
        ref positions => positions.iter().map(|&position| outputs[usize::try_from(position).unwrap()]).collect(),
    };
    compare(&at, &reference.values, reference.tolerance)
}

#[test]
fn an_independent_engine_gives_the_reference_outputs() {
    for built in starters() {
        let manifest = &built.manifest;
        let comparison = against_reference(&on_tract(&built.path, manifest), manifest);
        eprintln!("{} {}: {comparison:?}", manifest.name, manifest.precision);
        assert!(comparison.within, "{} {}: {comparison:?}", manifest.name, manifest.precision);
    }
}

#[test]
fn every_other_family_agrees_with_it_on_small_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let check = |architecture: &Architecture| -> Vec<String> {
        let pair = match generate(architecture, 1) {
            Ok(pair) => pair,
            Err(error) => return vec![format!("{}: {error}", architecture.name)],
        };
        let compare = |generated: &Generated| {
            let path = folder.path().join(format!("{}.{}.onnx", architecture.name, generated.manifest.precision));
            std::fs::write(&path, &generated.bytes).unwrap();
            let comparison = against_reference(&on_tract(&path, &generated.manifest), &generated.manifest);
            let fidelity = generated.manifest.fidelity.as_ref().map_or(f64::INFINITY, |fidelity| fidelity.sqnr_db);
            let line = format!("{} {}: {comparison:?}, {fidelity} dB", architecture.name, generated.manifest.precision);
            eprintln!("{line}");
            (!comparison.within || fidelity < 15.0).then_some(line)
        };
        pair.iter().filter_map(compare).collect()
    };
    let wrong: Vec<String> = SMALL.par_iter().with_max_len(1).flat_map(check).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reference_of_another_model_is_refused() {
    let [real, integer] = [Precision::Fp32, Precision::Int8].map(|precision| {
        starters()
            .iter()
            .find(|built| built.manifest.name == "mobilenet-v1-0.5-160" && built.manifest.precision == precision)
            .unwrap()
    });
    // int8 answers are near the fp32 ones, but not within what fp32 engines may differ.
    let comparison = against_reference(&integer.manifest.references[0].values, &real.manifest);
    assert!(!comparison.within, "{comparison:?}");
    let other = starters()
        .iter()
        .find(|built| built.manifest.name == "mobilenet-v1-1.0-224" && built.manifest.precision == Precision::Int8);
    let comparison = against_reference(&other.unwrap().manifest.references[0].values, &integer.manifest);
    assert!(!comparison.within, "{comparison:?}");
}
