//! Our own files on an independent engine, held to the manifests' references and tolerances.

use std::path::Path;

use benchrack_protocol::model::{Manifest, Precision};
use benchrack_protocol::tensor::{Comparison, compare};
use tract_onnx::prelude::*;

use benchrack_zoo::Built;
use rayon::prelude::*;

use crate::{families, starters};

/// SQNR in dB. Nets over such small pictures lose more than real ones, because rounding has less to average over.
const FIDELITY_FLOOR: f64 = 12.0;

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
    let check = |built: &Built| {
        let manifest = &built.manifest;
        let comparison = against_reference(&on_tract(&built.path, manifest), manifest);
        let fidelity = manifest.fidelity.as_ref().map_or(f64::INFINITY, |fidelity| fidelity.sqnr_db);
        let line = format!("{} {}: {comparison:?}, {fidelity} dB", manifest.name, manifest.precision);
        eprintln!("{line}");
        (!comparison.within || fidelity < FIDELITY_FLOOR).then_some(line)
    };
    let wrong: Vec<String> = families().par_iter().with_max_len(1).filter_map(check).collect();
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
