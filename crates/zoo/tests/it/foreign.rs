//! Files that are not ours: damaged, open-ended, or no models at all.

use std::fs;
use std::path::PathBuf;

use benchrack_protocol::model::{ElementType, Precision};
use benchrack_protocol::tensor::InputGenerator;
use benchrack_zoo::onnx::*;
use benchrack_zoo::{InspectError, inspect};
use proptest::prelude::*;
use prost::Message;

/// A file in a folder that lives as long as the test.
fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("theirs.onnx");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn value(name: &str, elem_type: i32, dims: &[Dimension]) -> ValueInfoProto {
    let dim = dims.iter().map(|dimension| DimensionProto { value: Some(dimension.clone()) }).collect();
    let tensor_type = Some(TensorTypeProto { elem_type, shape: Some(TensorShapeProto { dim }) });
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type }) }
}

fn node(op_type: &str, input: &[&str], output: &str) -> NodeProto {
    let input = input.iter().map(|&name| name.into()).collect();
    NodeProto { input, output: vec![output.into()], op_type: op_type.into(), ..NodeProto::default() }
}

fn open(name: &str) -> Dimension {
    Dimension::Parameter(name.into())
}

/// A convolution and a classifier with open batch, height and width, its weights also listed as inputs, as old exporters do.
fn exported() -> ModelProto {
    let weights = |name: &str, dims: &[i64]| TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: data_type::FLOAT,
        raw_data: vec![0; 4 * usize::try_from(dims.iter().product::<i64>()).unwrap()].into(),
        ..TensorProto::default()
    };
    let graph = GraphProto {
        node: vec![
            node("Conv", &["data", "kernel"], "features"),
            node("GlobalAveragePool", &["features"], "pooled"),
            node("Flatten", &["pooled"], "flat"),
            node("Gemm", &["flat", "matrix"], "logits"),
        ],
        initializer: vec![weights("kernel", &[8, 3, 3, 3]), weights("matrix", &[8, 10])],
        input: vec![
            value("data", data_type::FLOAT, &[open("batch"), Dimension::Value(3), open("height"), open("width")]),
            value("kernel", data_type::FLOAT, &[8, 3, 3, 3].map(Dimension::Value)),
        ],
        output: vec![value("logits", data_type::FLOAT, &[open("batch"), Dimension::Value(10)])],
        ..GraphProto::default()
    };
    ModelProto {
        ir_version: 8,
        producer_name: "exporter".into(),
        producer_version: "2.0".into(),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 17 }],
        graph: Some(graph),
    }
}

#[test]
fn open_dimensions_are_named_and_can_be_given() {
    let (_folder, path) = file(&exported().encode_to_vec());
    let error = inspect(&path, &[]).unwrap_err().to_string();
    assert_eq!(
        error,
        "input 'data' has dimensions that the file leaves open (batchx3xheightxwidth); give them, for instance data=1x3x224x224"
    );
    let manifest = inspect(&path, &[("data".into(), vec![1, 3, 34, 18])]).unwrap();
    assert_eq!(manifest.inputs.len(), 1, "weights are no inputs");
    assert_eq!(manifest.inputs[0].shape, [1, 3, 34, 18]);
    assert_eq!((manifest.outputs[0].shape.as_slice(), manifest.outputs[0].element), (&[1, 10][..], ElementType::F32));
    assert_eq!(manifest.macs, Some(8 * 32 * 16 * 27 + 80));
    assert_eq!(manifest.parameters, Some(8 * 27 + 80));
    assert_eq!((manifest.name.as_str(), manifest.precision, manifest.opset), ("theirs", Precision::Fp32, 17));
    assert_eq!(manifest.generators, [InputGenerator::Image { seed: 1 }]);
    assert_eq!(manifest.origin, "added by hand; written by exporter 2.0");
}

#[test]
fn shapes_that_contradict_the_file_are_refused() {
    let (_folder, path) = file(&exported().encode_to_vec());
    let error = inspect(&path, &[("data".into(), vec![1, 4, 32, 32])]).unwrap_err();
    assert!(matches!(error, InspectError::WrongShape { .. }), "{error}");
    let error = inspect(&path, &[("image".into(), vec![1])]).unwrap_err();
    assert_eq!(error.to_string(), "the model has no input 'image'; its inputs are: data");
}

#[test]
fn multiply_adds_are_unknown_rather_than_too_few() {
    let mut model = exported();
    let graph = model.graph.as_mut().unwrap();
    graph.node.insert(0, node("Resize", &["data"], "resized"));
    graph.node[1].input[0] = "resized".into();
    let (_folder, path) = file(&model.encode_to_vec());
    let manifest = inspect(&path, &[("data".into(), vec![1, 3, 32, 32])]).unwrap();
    assert_eq!(manifest.macs, None);
    assert!(manifest.notes.iter().any(|note| note.contains("multiply-adds")), "{:?}", manifest.notes);
}

#[test]
fn quantised_operators_of_any_domain_make_a_file_int8() {
    let mut model = exported();
    let graph = model.graph.as_mut().unwrap();
    graph.node[0].op_type = "QLinearAdd".into();
    graph.node[0].domain = "com.microsoft".into();
    let (_folder, path) = file(&model.encode_to_vec());
    let manifest = inspect(&path, &[("data".into(), vec![1, 3, 32, 32])]).unwrap();
    assert_eq!(manifest.precision, Precision::Int8);
    assert!(manifest.operators.contains(&("com.microsoft.QLinearAdd".into(), 1)), "{:?}", manifest.operators);
}

#[test]
fn files_that_are_no_models_say_so() {
    let cases: [(&[u8], &str); 4] = [
        (b"", "it is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<!DOCTYPE html><html></html>", "is not an ONNX file"),
        (&ModelProto { ir_version: 8, ..ModelProto::default() }.encode_to_vec(), "it has no graph"),
    ];
    for (bytes, expected) in cases {
        let (_folder, path) = file(bytes);
        let error = inspect(&path, &[]).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let error = inspect(&PathBuf::from("no/such/file.onnx"), &[]).unwrap_err();
    assert!(matches!(error, InspectError::Read { .. }), "{error}");
}

#[test]
fn a_model_cut_short_is_never_taken_for_a_whole_one() {
    let bytes = exported().encode_to_vec();
    for length in 0..bytes.len() {
        let (_folder, path) = file(&bytes[..length]);
        assert!(inspect(&path, &[("data".into(), vec![1, 3, 32, 32])]).is_err(), "{length} of {} bytes", bytes.len());
    }
}

#[test]
fn weights_in_another_file_are_refused_with_the_way_out() {
    let mut model = exported();
    let tensor = &mut model.graph.as_mut().unwrap().initializer[0];
    tensor.raw_data = Vec::new().into();
    tensor.data_location = 1;
    tensor.external_data = vec![StringStringEntryProto { key: "location".into(), value: "theirs.onnx.data".into() }];
    let (_folder, path) = file(&model.encode_to_vec());
    let error = inspect(&path, &[]).unwrap_err().to_string();
    assert!(error.contains("theirs.onnx.data") && error.contains("one file"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_never_panic(changes in prop::collection::vec((0usize..2000, any::<u8>()), 1..12), length in 0usize..2000) {
        let mut bytes = exported().encode_to_vec();
        for (place, byte) in changes {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        bytes.truncate(bytes.len().saturating_sub(length % 400));
        let (_folder, path) = file(&bytes);
        let _ = inspect(&path, &[("data".into(), vec![1, 3, 32, 32])]);
        let _ = inspect(&path, &[]);
    }

    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let (_folder, path) = file(&bytes);
        let _ = inspect(&path, &[]);
    }
}
