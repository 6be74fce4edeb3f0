//! A program as an ONNX file: standard domain, opset 13, so that engines of several years read it.

use std::collections::HashMap;

use prost::Message;
use prost::bytes::Bytes;

use crate::execute::HARD_SIGMOID_SLOPE;
use crate::graph::{Shape, volume};
use crate::onnx::*;
use crate::program::{Affine, Filter, Node, Operator, Program, QuantisedFilter};
use crate::window::Window;

/// Operator set of the files.
pub const OPSET: u32 = 13;
/// File format that came with that operator set (ONNX 1.8).
const IR_VERSION: i64 = 7;
/// Name of the input in the files.
pub const INPUT: &str = "input";
/// Name of the output in the files.
pub const OUTPUT: &str = "output";

/// The file. Its bytes depend on nothing but the program and the name.
pub fn export(name: &str, program: &Program) -> ModelProto {
    let mut writer = Writer { program, graph: GraphProto { name: name.into(), ..GraphProto::default() }, codes: HashMap::new() };
    for index in 0..program.nodes.len() {
        writer.node(index);
    }
    if let (Some(first), Some(last)) = (program.nodes.first(), program.nodes.last()) {
        writer.graph.input.push(value_info(INPUT, picture(first.shape)));
        writer.graph.output.push(value_info(OUTPUT, output_shape(last)));
    }
    ModelProto {
        ir_version: IR_VERSION,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: i64::from(OPSET) }],
        producer_name: env!("CARGO_PKG_NAME").into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: Some(writer.graph),
    }
}

/// The bytes of a file.
pub fn encode(model: &ModelProto) -> Vec<u8> {
    model.encode_to_vec()
}

/// Dimensions of the output of a program's last node.
pub fn output_shape(node: &Node) -> Vec<usize> {
    match node.operator {
        Operator::Flatten | Operator::Gemm { .. } => vec![1, node.shape[0]],
        _ => picture(node.shape),
    }
}

fn picture(shape: Shape) -> Vec<usize> {
    vec![1, shape[0], shape[1], shape[2]]
}

struct Writer<'a> {
    program: &'a Program,
    graph: GraphProto,
    /// Names of scale and zero point that were written already.
    codes: HashMap<(u32, u8), [String; 2]>,
}

impl Writer<'_> {
    fn node(&mut self, index: usize) {
        let node = &self.program.nodes[index];
        let input = |at: usize| self.output_name(node.inputs[at]);
        let output = self.output_name(index);
        let all: Vec<String> = (0..node.inputs.len()).map(input).collect();
        match &node.operator {
            Operator::Input => {}
            Operator::Conv { window, groups, filter } => {
                let shape = self.kernel_shape(node, window, *groups);
                let [weights, bias] = self.filter(node, filter, shape);
                let inputs = vec![all[0].clone(), weights, bias];
                self.push(node, "Conv", inputs, output, convolution(window, *groups));
            }
            Operator::ConvTranspose { window, extra, filter } => {
                let inputs = self.program.nodes[node.inputs[0]].shape[0];
                let shape = vec![inputs, node.shape[0], window.kernel[0], window.kernel[1]];
                let [weights, bias] = self.filter(node, filter, shape);
                let mut attributes = convolution(window, 1);
                attributes.push(ints("output_padding", extra));
                self.push(node, "ConvTranspose", vec![all[0].clone(), weights, bias], output, attributes);
            }
            Operator::Gemm { weights, bias } => {
                let weights =
                    self.floats(&format!("{}.weight", node.name), vec![bias.len(), weights.len() / bias.len()], weights);
                let bias = self.floats(&format!("{}.bias", node.name), vec![bias.len()], bias);
                self.push(node, "Gemm", vec![all[0].clone(), weights, bias], output, vec![int("transB", 1)]);
            }
            Operator::BatchNormalization { scale, shift } => {
                let count = scale.len();
                let mut inputs = all;
                let constants = [("scale", scale), ("bias", shift), ("mean", &vec![0.0; count]), ("variance", &vec![1.0; count])];
                for (part, values) in constants {
                    inputs.push(self.floats(&format!("{}.{part}", node.name), vec![count], values));
                }
                self.push(node, "BatchNormalization", inputs, output, vec![float("epsilon", 0.0)]);
            }
            Operator::Relu => self.push(node, "Relu", all, output, Vec::new()),
            Operator::Clip6 => {
                let low = self.floats(&format!("{}.min", node.name), Vec::new(), &[0.0]);
                let high = self.floats(&format!("{}.max", node.name), Vec::new(), &[6.0]);
                self.push(node, "Clip", vec![all[0].clone(), low, high], output, Vec::new());
            }
            Operator::PRelu { slope } => {
                let slope = self.floats(&format!("{}.slope", node.name), vec![1, 1, 1], &[*slope]);
                self.push(node, "PRelu", vec![all[0].clone(), slope], output, Vec::new());
            }
            Operator::HardSigmoid => {
                let attributes = vec![float("alpha", HARD_SIGMOID_SLOPE), float("beta", 0.5)];
                self.push(node, "HardSigmoid", all, output, attributes);
            }
            Operator::MaxPool(window) => self.push(node, "MaxPool", all, output, pool(window)),
            Operator::AveragePool { window, count_padding } => {
                let mut attributes = pool(window);
                // AveragePool has no dilation in this operator set.
                attributes.retain(|attribute| attribute.name != "dilations");
                attributes.push(int("count_include_pad", i64::from(*count_padding)));
                self.push(node, "AveragePool", all, output, attributes);
            }
            Operator::GlobalAveragePool => self.push(node, "GlobalAveragePool", all, output, Vec::new()),
            Operator::Unpool(window) => self.unpool(node, window, &all, output),
            Operator::Add => self.push(node, "Add", all, output, Vec::new()),
            Operator::Mul => self.push(node, "Mul", all, output, Vec::new()),
            Operator::Concat => self.push(node, "Concat", all, output, vec![int("axis", 1)]),
            Operator::Shuffle(groups) => self.shuffle(node, *groups, &all[0], output),
            Operator::Slice(from, to) => {
                let mut inputs = all;
                for (part, value) in [("starts", *from), ("ends", *to), ("axes", 1)] {
                    inputs.push(self.longs(&format!("{}.{part}", node.name), &[value as i64]));
                }
                self.push(node, "Slice", inputs, output, Vec::new());
            }
            Operator::Crop(by) => {
                let inputs = self.cropped(node, *by, &all[0]);
                self.push(node, "Slice", inputs, output, Vec::new());
            }
            Operator::Shift(by) => {
                // Negative padding would say it in one step, but tract computes that with numbers that have no sign.
                let cut = format!("{}/cut", node.name);
                let inputs = self.cropped(node, *by, &all[0]);
                self.push_named(cut.clone(), "Slice", inputs, vec![cut.clone()], Vec::new());
                let by = *by as i64;
                let pads = self.longs(&format!("{}.pads", node.name), &[0, 0, 0, 0, 0, 0, by, by]);
                self.push(node, "Pad", vec![cut, pads], output, Vec::new());
            }
            Operator::PadChannels => {
                // `Pad` would say it in one step, but OpenVINO's low-precision pass gives what it pads the shape of what it came from.
                let [all_channels, height, width] = node.shape;
                let more = all_channels - self.program.nodes[node.inputs[0]].shape[0];
                let zeros = format!("{}/value", node.name);
                let shape = self.longs(&format!("{}.shape", node.name), &[1, more, height, width].map(|size| size as i64));
                self.zeros(&zeros, shape);
                self.push(node, "Concat", vec![all[0].clone(), zeros], output, vec![int("axis", 1)]);
            }
            Operator::Flatten => self.push(node, "Flatten", all, output, vec![int("axis", 1)]),
            Operator::QuantizeLinear(code) => {
                let [scale, zero] = self.code(*code);
                self.push(node, "QuantizeLinear", vec![all[0].clone(), scale, zero], output, Vec::new());
            }
            Operator::DequantizeLinear(code) => {
                let [scale, zero] = self.code(*code);
                self.push(node, "DequantizeLinear", vec![all[0].clone(), scale, zero], output, Vec::new());
            }
            Operator::QLinearConv { window, groups, filter, input, output: code } => {
                let shape = self.kernel_shape(node, window, *groups);
                let [input_scale, input_zero] = self.code(*input);
                let [output_scale, output_zero] = self.code(*code);
                let [weights, scale, zero, bias] = self.integers(node, filter, shape);
                let from = all[0].clone();
                let inputs = vec![from, input_scale, input_zero, weights, scale, zero, output_scale, output_zero, bias];
                self.push(node, "QLinearConv", inputs, output, convolution(window, *groups));
            }
        }
    }

    fn output_name(&self, index: usize) -> String {
        match index {
            0 => INPUT.into(),
            last if last + 1 == self.program.nodes.len() => OUTPUT.into(),
            other => self.program.nodes[other].name.clone(),
        }
    }

    fn push(&mut self, node: &Node, op_type: &str, input: Vec<String>, output: String, attribute: Vec<AttributeProto>) {
        self.push_named(node.name.clone(), op_type, input, vec![output], attribute);
    }

    fn push_named(&mut self, name: String, op: &str, input: Vec<String>, output: Vec<String>, attribute: Vec<AttributeProto>) {
        let op_type = op.into();
        self.graph.node.push(NodeProto { input, output, name, op_type, attribute, domain: String::new() });
    }

    /// Inputs of a `Slice` that takes away rows at the top and columns at the left.
    fn cropped(&mut self, node: &Node, by: usize, input: &str) -> Vec<String> {
        let [_, height, width] = self.program.nodes[node.inputs[0]].shape.map(|size| size as i64);
        let by = by as i64;
        let mut inputs = vec![input.to_owned()];
        for (part, values) in [("starts", [by, by]), ("ends", [height, width]), ("axes", [2, 3])] {
            inputs.push(self.longs(&format!("{}.{part}", node.name), &values));
        }
        inputs
    }

    /// N x (g x c) x H x W to N x g x c x H x W, g and c swapped, and back (arXiv:1707.01083 figure 1).
    fn shuffle(&mut self, node: &Node, groups: usize, input: &str, output: String) {
        let [channels, height, width] = node.shape.map(|size| size as i64);
        let groups = groups as i64;
        let [split, swapped] = ["split", "swapped"].map(|part| format!("{}/{part}", node.name));
        let apart = self.longs(&format!("{}.split", node.name), &[1, groups, channels / groups, height, width]);
        let together = self.longs(&format!("{}.shape", node.name), &[1, channels, height, width]);
        self.push_named(split.clone(), "Reshape", vec![input.into(), apart], vec![split.clone()], Vec::new());
        self.push_named(swapped.clone(), "Transpose", vec![split], vec![swapped.clone()], vec![ints("perm", &[0, 2, 1, 3, 4])]);
        self.push(node, "Reshape", vec![swapped, together], output, Vec::new());
    }

    /// MaxUnpool by operators that more engines have: the pool's indices count over the whole tensor, so that one flat scatter
    /// puts every value back.
    fn unpool(&mut self, node: &Node, window: &Window, inputs: &[String], output: String) {
        let part = |part: &str| format!("{}/{part}", node.name);
        let flat = self.longs(&format!("{}.flat", node.name), &[-1]);
        let size = self.longs(&format!("{}.size", node.name), &[volume(node.shape) as i64]);
        let shape = self.longs(&format!("{}.shape", node.name), &picture(node.shape).map_i64());
        let mut step = |op, name, inputs, outputs, attributes| self.push_named(part(name), op, inputs, outputs, attributes);
        step("MaxPool", "pool", vec![inputs[1].clone()], vec![part("pool"), part("indices")], pool(window));
        step("Reshape", "flat_indices", vec![part("indices"), flat.clone()], vec![part("flat_indices")], Vec::new());
        step("Reshape", "flat_values", vec![inputs[0].clone(), flat], vec![part("flat_values")], Vec::new());
        self.zeros(&part("zeros"), size);
        let scattered = ["zeros", "flat_indices", "flat_values"].map(part).to_vec();
        self.push_named(part("scattered"), "ScatterElements", scattered, vec![part("scattered")], vec![int("axis", 0)]);
        self.push(node, "Reshape", vec![part("scattered"), shape], output, Vec::new());
    }

    /// A tensor of zeros: `shape` names the constant that holds its sizes.
    fn zeros(&mut self, name: &str, shape: String) {
        let zero = AttributeProto {
            name: "value".into(),
            t: Some(tensor("", vec![1], data_type::FLOAT, 0.0f32.to_le_bytes().to_vec())),
            r#type: attribute_type::TENSOR,
            ..AttributeProto::default()
        };
        self.push_named(name.into(), "ConstantOfShape", vec![shape], vec![name.into()], vec![zero]);
    }

    fn kernel_shape(&self, node: &Node, window: &Window, groups: usize) -> Vec<usize> {
        let inputs = self.program.nodes[node.inputs[0]].shape[0];
        vec![node.shape[0], inputs / groups, window.kernel[0], window.kernel[1]]
    }

    /// Names of weights and bias as fp32, after writing what they come from.
    fn filter(&mut self, node: &Node, filter: &Filter, shape: Vec<usize>) -> [String; 2] {
        let name = &node.name;
        match filter {
            Filter::Float { weights, bias } => [
                self.floats(&format!("{name}.weight"), shape, weights),
                self.floats(&format!("{name}.bias"), vec![bias.len()], bias),
            ],
            Filter::Dequantised { filter, input_scale } => {
                let [weights, scale, zero, bias] = self.integers(node, filter, shape);
                let scales: Vec<f32> = (0..filter.bias.len()).map(|channel| input_scale * filter.scale(channel)).collect();
                let bias_scale = self.floats(&format!("{name}.bias_scale"), vec![scales.len()], &scales);
                let [real_weights, real_bias] = ["weight/real", "bias/real"].map(|part| format!("{name}.{part}"));
                let axis = || vec![int("axis", 0)];
                self.push_named(
                    real_weights.clone(),
                    "DequantizeLinear",
                    vec![weights, scale, zero],
                    vec![real_weights.clone()],
                    axis(),
                );
                self.push_named(real_bias.clone(), "DequantizeLinear", vec![bias, bias_scale], vec![real_bias.clone()], axis());
                [real_weights, real_bias]
            }
        }
    }

    /// Names of int8 weights, their scales and zero points, and int32 bias.
    fn integers(&mut self, node: &Node, filter: &QuantisedFilter, shape: Vec<usize>) -> [String; 4] {
        let name = &node.name;
        let each = if filter.scales.len() == 1 { Vec::new() } else { vec![filter.scales.len()] };
        let weights: Vec<u8> = filter.weights.iter().map(|&weight| weight.to_le_bytes()[0]).collect();
        let bias: Vec<u8> = filter.bias.iter().flat_map(|bias| bias.to_le_bytes()).collect();
        [
            self.constant(&format!("{name}.weight"), shape, data_type::INT8, weights),
            self.floats(&format!("{name}.weight_scale"), each.clone(), &filter.scales),
            self.constant(&format!("{name}.weight_zero_point"), each, data_type::INT8, vec![0; filter.scales.len()]),
            self.constant(&format!("{name}.bias"), vec![filter.bias.len()], data_type::INT32, bias),
        ]
    }

    /// Names of scale and zero point; tensors of one code share them.
    fn code(&mut self, code: Affine) -> [String; 2] {
        let key = (code.scale.to_bits(), code.zero_point);
        if let Some(names) = self.codes.get(&key) {
            return names.clone();
        }
        let number = self.codes.len();
        let scale = self.floats(&format!("code{number}.scale"), Vec::new(), &[code.scale]);
        let zero = self.constant(&format!("code{number}.zero_point"), Vec::new(), data_type::UINT8, vec![code.zero_point]);
        self.codes.insert(key, [scale.clone(), zero.clone()]);
        [scale, zero]
    }

    fn floats(&mut self, name: &str, dims: Vec<usize>, values: &[f32]) -> String {
        self.constant(name, dims, data_type::FLOAT, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    fn longs(&mut self, name: &str, values: &[i64]) -> String {
        self.constant(name, vec![values.len()], data_type::INT64, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    fn constant(&mut self, name: &str, dims: Vec<usize>, data_type: i32, bytes: Vec<u8>) -> String {
        self.graph.initializer.push(tensor(name, dims, data_type, bytes));
        name.into()
    }
}

trait MapI64 {
    fn map_i64(&self) -> Vec<i64>;
}

impl MapI64 for Vec<usize> {
    fn map_i64(&self) -> Vec<i64> {
        self.iter().map(|&size| size as i64).collect()
    }
}

fn tensor(name: &str, dims: Vec<usize>, data_type: i32, bytes: Vec<u8>) -> TensorProto {
    TensorProto { name: name.into(), dims: dims.map_i64(), data_type, raw_data: Bytes::from(bytes), ..TensorProto::default() }
}

fn value_info(name: &str, shape: Vec<usize>) -> ValueInfoProto {
    let dim = shape.map_i64().into_iter().map(|size| DimensionProto { value: Some(Dimension::Value(size)) }).collect();
    let tensor_type = Some(TensorTypeProto { elem_type: data_type::FLOAT, shape: Some(TensorShapeProto { dim }) });
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type }) }
}

fn convolution(window: &Window, groups: usize) -> Vec<AttributeProto> {
    let mut attributes = pool(window);
    attributes.push(int("group", groups as i64));
    attributes
}

fn pool(window: &Window) -> Vec<AttributeProto> {
    vec![
        ints("kernel_shape", &window.kernel),
        ints("strides", &window.stride),
        ints("pads", &window.pad),
        ints("dilations", &window.dilation),
    ]
}

fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i, r#type: attribute_type::INT, ..AttributeProto::default() }
}

fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: name.into(), f, r#type: attribute_type::FLOAT, ..AttributeProto::default() }
}

fn ints(name: &str, values: &[usize]) -> AttributeProto {
    let ints = values.iter().map(|&value| value as i64).collect();
    AttributeProto { name: name.into(), ints, r#type: attribute_type::INTS, ..AttributeProto::default() }
}
