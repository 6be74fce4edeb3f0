//! Small ONNX models made by hand.

use std::path::{Path, PathBuf};

use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::model::{ElementType, Manifest, Precision, ReferenceOutput, TensorSpec};
use benchrack_protocol::pipeline::{
    ChannelOrder, Fit, FrameSource, Layout, Orientation, Pipeline, PixelFormat, PostProcessing, ResizeFilter,
};
use benchrack_protocol::tensor::{InputGenerator, Tolerance};
use benchrack_protocol::units::Bytes;
use prost::Message;
use tract_onnx::pb::tensor_shape_proto::Dimension;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Size;
use tract_onnx::pb::type_proto::{Tensor, Value};
use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto,
};

const FLOAT: i32 = 1;

fn value(name: &str, sizes: Vec<Size>) -> ValueInfoProto {
    let dim = sizes.into_iter().map(|size| Dimension { value: Some(size), ..Dimension::default() }).collect();
    let tensor = Tensor { elem_type: FLOAT, shape: Some(TensorShapeProto { dim }) };
    let kind = TypeProto { value: Some(Value::TensorType(tensor)), ..TypeProto::default() };
    ValueInfoProto { name: name.into(), r#type: Some(kind), ..ValueInfoProto::default() }
}

fn sizes(shape: &[i64]) -> Vec<Size> {
    shape.iter().map(|&size| Size::DimValue(size)).collect()
}

fn constant(name: &str, shape: &[i64], values: Vec<f32>) -> TensorProto {
    TensorProto { name: name.into(), dims: shape.to_vec(), data_type: FLOAT, float_data: values, ..TensorProto::default() }
}

/// One operator after another, each with a constant as its second input where it has one.
fn chain(input: Vec<Size>, output: &[i64], operators: &[(&str, Option<TensorProto>)]) -> Vec<u8> {
    let mut nodes = Vec::new();
    for (place, (operator, constant)) in operators.iter().enumerate() {
        let name = |place: usize| if place == 0 { "x".to_owned() } else { format!("t{place}") };
        let result = if place + 1 == operators.len() { "y".to_owned() } else { name(place + 1) };
        let inputs = std::iter::once(name(place)).chain(constant.iter().map(|constant| constant.name.clone())).collect();
        nodes.push(NodeProto {
            name: format!("node{place}"),
            op_type: (*operator).into(),
            input: inputs,
            output: vec![result],
            ..NodeProto::default()
        });
    }
    let graph = GraphProto {
        name: "test".into(),
        node: nodes,
        initializer: operators.iter().filter_map(|(_, constant)| constant.clone()).collect(),
        input: vec![value("x", input)],
        output: vec![value("y", sizes(output))],
        ..GraphProto::default()
    };
    let opset = OperatorSetIdProto { version: 13, ..OperatorSetIdProto::default() };
    ModelProto { ir_version: 7, graph: Some(graph), opset_import: vec![opset], ..ModelProto::default() }.encode_to_vec()
}

/// y = relu(x W) with W all 0.25: x is 1 x 8, y is 1 x 4.
pub fn dense() -> Vec<u8> {
    let weights = constant("w", &[8, 4], vec![0.25; 32]);
    chain(sizes(&[1, 8]), &[1, 4], &[("MatMul", Some(weights)), ("Relu", None)])
}

/// y = relu(x) for pictures of 5 x 4 pixels in planes: a segmentation into three classes, by the strongest colour.
pub fn colours() -> Vec<u8> {
    chain(sizes(&[1, 3, 4, 5]), &[1, 3, 4, 5], &[("Relu", None)])
}

/// Small frames into `colours`, 0 to 255.
pub fn colours_pipeline() -> Pipeline {
    Pipeline {
        source: FrameSource { format: PixelFormat::Nv21, width: 14, height: 10, orientation: Orientation::Rotate90, seed: 4 },
        fit: Fit::CentreCrop,
        filter: ResizeFilter::Bilinear,
        channels: ChannelOrder::Rgb,
        mean: [0.0; 3],
        std: [1.0; 3],
        layout: Layout::Nchw,
        post: PostProcessing::Segmentation,
    }
}

/// What `dense` must give for this input.
pub fn dense_output(input: &[f32]) -> Vec<f32> {
    let sum: f32 = input.iter().map(|value| value * 0.25).sum();
    vec![sum.max(0.0); 4]
}

/// An operator that no engine knows, in the middle.
pub fn unknown_operator() -> Vec<u8> {
    chain(sizes(&[1, 8]), &[1, 8], &[("Relu", None), ("Frobnicate", None)])
}

/// The square root of negative numbers.
pub fn not_finite() -> Vec<u8> {
    chain(sizes(&[1, 8]), &[1, 8], &[("Add", Some(constant("c", &[1], vec![-100.0]))), ("Sqrt", None)])
}

/// An input whose first dimension is a name.
pub fn open_dimension() -> Vec<u8> {
    chain(vec![Size::DimParam("N".into()), Size::DimValue(8)], &[1, 8], &[("Relu", None)])
}

/// A gigabyte of input.
pub fn enormous() -> Vec<u8> {
    chain(sizes(&[1, 1 << 28]), &[1, 1 << 28], &[("Relu", None)])
}

/// A model whose inferences take milliseconds, so that it can be killed within a block.
pub fn heavy() -> Vec<u8> {
    let weights = constant("w", &[512, 512], (0..512 * 512).map(|place| (place % 7) as f32 / 7.0 - 0.5).collect());
    chain(sizes(&[512, 512]), &[512, 512], &[("MatMul", Some(weights)), ("Relu", None)])
}

/// The generator that manifests of these models name.
pub const GENERATOR: InputGenerator = InputGenerator::Uniform { seed: 5, low: 0.0, high: 1.0 };

/// Writes the bytes and makes their manifest, without references.
pub fn save(folder: &Path, name: &str, bytes: &[u8]) -> (PathBuf, Manifest) {
    let file = folder.join(format!("{name}.onnx"));
    std::fs::write(&file, bytes).unwrap();
    let manifest = Manifest::of_unknown(name, Precision::Fp32, ArtifactId::of(bytes), Bytes(bytes.len() as u64));
    (file, manifest)
}

/// The dense model with its input and the outputs that it must give.
pub fn save_dense(folder: &Path) -> (PathBuf, Manifest) {
    let (file, mut manifest) = save(folder, "dense", &dense());
    manifest.inputs = vec![TensorSpec { name: "x".into(), element: ElementType::F32, shape: vec![1, 8] }];
    manifest.generators = vec![GENERATOR];
    manifest.references = vec![ReferenceOutput {
        output: "y".into(),
        positions: vec![3, 0],
        values: dense_output(&GENERATOR.generate(&[1, 8]))[..2].to_vec(),
        tolerance: Tolerance::FP32,
        computed_by: "hand".into(),
    }];
    (file, manifest)
}
