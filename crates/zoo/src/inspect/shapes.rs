//! Shapes of tensors where simple rules give them, and multiply-adds from those.
//!
//! Files come from strangers, so every size is computed in i128 and checked; a rule that does not apply gives no shape, never a wrong one.

use std::collections::HashMap;

use benchrack_protocol::model::TensorSpec;

use crate::onnx::{AttributeProto, GraphProto, NodeProto, TensorProto, data_type};

/// Known shapes by tensor name, and multiply-adds when all layers that have some are known.
pub(super) struct Inferred<'a> {
    pub(super) shapes: HashMap<&'a str, Vec<usize>>,
    pub(super) macs: Option<u64>,
}

/// Walks the nodes in their order, as ONNX wants them sorted.
pub(super) fn infer<'a>(graph: &'a GraphProto, inputs: &'a [TensorSpec]) -> Inferred<'a> {
    let mut walk = Walk { shapes: HashMap::new(), constants: HashMap::new() };
    walk.shapes.extend(inputs.iter().map(|input| (input.name.as_str(), input.shape.clone())));
    for tensor in &graph.initializer {
        walk.constant(&tensor.name, tensor);
    }
    let mut macs = Some(0u64);
    for node in &graph.node {
        let shape =
            walk.node(node).filter(|shape| shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size)).is_some());
        if let (Some(output), Some(shape)) = (node.output.first(), shape) {
            walk.shapes.insert(output, shape);
        }
        if let Some(own) = walk.macs(node) {
            macs = macs.zip(own).and_then(|(sum, own)| sum.checked_add(own));
        }
    }
    Inferred { shapes: walk.shapes, macs }
}

struct Walk<'a> {
    shapes: HashMap<&'a str, Vec<usize>>,
    /// Integer constants, which are shapes and axes.
    constants: HashMap<&'a str, Vec<i64>>,
}

impl<'a> Walk<'a> {
    fn constant(&mut self, name: &'a str, tensor: &'a TensorProto) {
        if let Some(shape) = tensor.dims.iter().map(|&size| usize::try_from(size).ok()).collect::<Option<Vec<usize>>>() {
            self.shapes.insert(name, shape);
        }
        if tensor.data_type == data_type::INT64 {
            let values = if tensor.raw_data.is_empty() {
                tensor.int64_data.clone()
            } else {
                tensor.raw_data.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect()
            };
            self.constants.insert(name, values);
        }
    }

    fn shape(&self, node: &NodeProto, place: usize) -> Option<&Vec<usize>> {
        self.shapes.get(node.input.get(place)?.as_str())
    }

    fn values(&self, node: &NodeProto, place: usize) -> Option<&Vec<i64>> {
        self.constants.get(node.input.get(place)?.as_str())
    }

    /// Shape of the first output.
    fn node(&mut self, node: &'a NodeProto) -> Option<Vec<usize>> {
        match node.op_type.as_str() {
            "Constant" => {
                let value = attribute(node, "value")?.t.as_ref()?;
                self.constant(node.output.first()?, value);
                self.shapes.get(node.output.first()?.as_str()).cloned()
            }
            "Relu"
            | "LeakyRelu"
            | "Clip"
            | "Sigmoid"
            | "HardSigmoid"
            | "HardSwish"
            | "Tanh"
            | "Softmax"
            | "LogSoftmax"
            | "Identity"
            | "Cast"
            | "Dropout"
            | "BatchNormalization"
            | "InstanceNormalization"
            | "LayerNormalization"
            | "PRelu"
            | "Elu"
            | "Gelu"
            | "Erf"
            | "Sqrt"
            | "Exp"
            | "Neg"
            | "Abs"
            | "QuantizeLinear"
            | "DequantizeLinear"
            | "LRN"
            | "QLinearLeakyRelu"
            | "QLinearSigmoid" => self.shape(node, 0).cloned(),
            "Add" | "Sub" | "Mul" | "Div" | "Pow" => broadcast(self.shape(node, 0)?, self.shape(node, 1)?),
            "QLinearAdd" | "QLinearMul" => broadcast(self.shape(node, 0)?, self.shape(node, 3)?),
            "Conv" | "ConvInteger" => slide(node, self.shape(node, 0)?, self.shape(node, 1)?),
            "QLinearConv" => slide(node, self.shape(node, 0)?, self.shape(node, 3)?),
            "ConvTranspose" => slide_back(node, self.shape(node, 0)?, self.shape(node, 1)?),
            "MaxPool" | "AveragePool" => pool(node, self.shape(node, 0)?),
            "GlobalAveragePool" | "GlobalMaxPool" | "QLinearGlobalAveragePool" => {
                let shape = self.shape(node, 0)?;
                Some(shape.iter().enumerate().map(|(axis, &size)| if axis < 2 { size } else { 1 }).collect())
            }
            "Concat" => self.concat(node, (0..node.input.len()).collect()),
            "QLinearConcat" => self.concat(node, (2..node.input.len()).step_by(3).collect()),
            "Flatten" => {
                let shape = self.shape(node, 0)?;
                let at = axis(integer(node, "axis").unwrap_or(1), shape.len() + 1)?;
                Some(vec![product(&shape[..at])?, product(&shape[at..])?])
            }
            "Reshape" => reshape(self.shape(node, 0)?, self.values(node, 1)?),
            "Transpose" => {
                let shape = self.shape(node, 0)?;
                match attribute(node, "perm") {
                    Some(order) => order.ints.iter().map(|&from| shape.get(usize::try_from(from).ok()?).copied()).collect(),
                    None => Some(shape.iter().rev().copied().collect()),
                }
            }
            "Gemm" | "QGemm" => {
                let (left, right) = (self.shape(node, 0)?, self.shape(node, if node.op_type == "Gemm" { 1 } else { 3 })?);
                let row = usize::from(integer(node, "transA").unwrap_or(0) != 0);
                let column = usize::from(integer(node, "transB").unwrap_or(0) == 0);
                Some(vec![*left.get(row)?, *right.get(column)?])
            }
            "MatMul" | "MatMulInteger" => multiply(self.shape(node, 0)?, self.shape(node, 1)?),
            "QLinearMatMul" => multiply(self.shape(node, 0)?, self.shape(node, 3)?),
            "ReduceMean" => self.reduce(node),
            "Squeeze" | "Unsqueeze" => self.squeeze(node),
            _ => None,
        }
    }

    /// Multiply-adds of a node that has some; the inner none where they cannot be told.
    fn macs(&self, node: &NodeProto) -> Option<Option<u64>> {
        let output = || self.shapes.get(node.output.first()?.as_str());
        let each = |place: usize| {
            let kernel = self.shape(node, place)?;
            product(kernel.get(1..)?)
        };
        let count = match node.op_type.as_str() {
            "Conv" | "ConvInteger" => each(1).zip(output()).and_then(|(each, output)| product(output)?.checked_mul(each)),
            "QLinearConv" => each(3).zip(output()).and_then(|(each, output)| product(output)?.checked_mul(each)),
            "ConvTranspose" => each(1).zip(self.shape(node, 0)).and_then(|(each, input)| product(input)?.checked_mul(each)),
            "Gemm" | "QGemm" | "MatMul" | "MatMulInteger" | "QLinearMatMul" => {
                self.shape(node, 0).zip(output()).and_then(|(left, output)| {
                    let inner = if integer(node, "transA").unwrap_or(0) != 0 { left.first() } else { left.last() };
                    product(output)?.checked_mul(*inner?)
                })
            }
            "Loop" | "Scan" | "If" | "LSTM" | "GRU" | "RNN" | "Einsum" | "FusedConv" | "Attention" => None,
            _ => return None,
        };
        Some(count.map(|count| count as u64))
    }

    fn concat(&self, node: &NodeProto, places: Vec<usize>) -> Option<Vec<usize>> {
        let shapes: Vec<&Vec<usize>> = places.into_iter().map(|place| self.shape(node, place)).collect::<Option<_>>()?;
        let mut result = (*shapes.first()?).clone();
        let at = axis(integer(node, "axis")?, result.len())?;
        result[at] = shapes.iter().try_fold(0usize, |sum, shape| sum.checked_add(*shape.get(at)?))?;
        Some(result)
    }

    fn reduce(&self, node: &NodeProto) -> Option<Vec<usize>> {
        let shape = self.shape(node, 0)?;
        let axes = attribute(node, "axes").map(|axes| &axes.ints).or_else(|| self.values(node, 1))?;
        let axes: Vec<usize> = axes.iter().map(|&at| axis(at, shape.len())).collect::<Option<_>>()?;
        let keep = integer(node, "keepdims").unwrap_or(1) != 0;
        let kept = |(at, &size): (usize, &usize)| if !axes.contains(&at) { Some(size) } else { keep.then_some(1) };
        Some(shape.iter().enumerate().filter_map(kept).collect())
    }

    fn squeeze(&self, node: &NodeProto) -> Option<Vec<usize>> {
        let shape = self.shape(node, 0)?;
        let axes = attribute(node, "axes").map(|axes| &axes.ints).or_else(|| self.values(node, 1))?;
        if node.op_type == "Squeeze" {
            let axes: Vec<usize> = axes.iter().map(|&at| axis(at, shape.len())).collect::<Option<_>>()?;
            return Some(shape.iter().enumerate().filter(|(at, _)| !axes.contains(at)).map(|(_, &size)| size).collect());
        }
        let rank = shape.len().checked_add(axes.len())?;
        let axes: Vec<usize> = axes.iter().map(|&at| axis(at, rank)).collect::<Option<_>>()?;
        let mut rest = shape.iter();
        (0..rank).map(|at| if axes.contains(&at) { Some(1) } else { rest.next().copied() }).collect()
    }
}

fn attribute<'n>(node: &'n NodeProto, name: &str) -> Option<&'n AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

fn integer(node: &NodeProto, name: &str) -> Option<i64> {
    attribute(node, name).map(|attribute| attribute.i)
}

/// An axis that may count from the end.
fn axis(at: i64, rank: usize) -> Option<usize> {
    let at = if at < 0 { at.checked_add(i64::try_from(rank).ok()?)? } else { at };
    usize::try_from(at).ok().filter(|&at| at < rank)
}

fn product(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size))
}

fn broadcast(left: &[usize], right: &[usize]) -> Option<Vec<usize>> {
    let rank = left.len().max(right.len());
    let at = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    let one = |axis: usize| match (at(left, axis), at(right, axis)) {
        (a, b) if a == b => Some(a),
        (1, size) | (size, 1) => Some(size),
        _ => None,
    };
    (0..rank).map(one).collect()
}

fn multiply(left: &[usize], right: &[usize]) -> Option<Vec<usize>> {
    let (rows, columns) = (left.len().checked_sub(2)?, right.len().checked_sub(2)?);
    let mut shape = broadcast(&left[..rows], &right[..columns])?;
    shape.extend([left[rows], right[columns + 1]]);
    Some(shape)
}

fn reshape(shape: &[usize], wanted: &[i64]) -> Option<Vec<usize>> {
    let fixed = |(at, &size): (usize, &i64)| match size {
        -1 => Some(None),
        0 => shape.get(at).map(|&size| Some(size)),
        size => usize::try_from(size).ok().map(Some),
    };
    let sizes: Vec<Option<usize>> = wanted.iter().enumerate().map(fixed).collect::<Option<_>>()?;
    let known = sizes.iter().flatten().try_fold(1usize, |product, &size| product.checked_mul(size))?;
    let rest = product(shape)?.checked_div(known)?;
    Some(sizes.into_iter().map(|size| size.unwrap_or(rest)).collect())
}

/// One number for each spatial axis, or the default.
fn each(node: &NodeProto, name: &str, count: usize, default: i64) -> Option<Vec<i128>> {
    match attribute(node, name) {
        Some(attribute) if attribute.ints.len() >= count => Some(attribute.ints.iter().map(|&value| i128::from(value)).collect()),
        Some(_) => None,
        None => Some(vec![i128::from(default); count]),
    }
}

fn size(value: i128) -> Option<usize> {
    usize::try_from(value).ok().filter(|&size| size > 0)
}

/// Spatial output sizes of convolution and pool; `auto_pad` as the ONNX text says.
fn spatial(node: &NodeProto, input: &[usize], kernel: &[i128]) -> Option<Vec<usize>> {
    let count = input.len();
    let (strides, dilations) = (each(node, "strides", count, 1)?, each(node, "dilations", count, 1)?);
    let pads = each(node, "pads", 2 * count, 0)?;
    let auto = attribute(node, "auto_pad").map_or(&b"NOTSET"[..], |attribute| &attribute.s);
    let up = integer(node, "ceil_mode").unwrap_or(0) != 0;
    let one = |at: usize| {
        let (input, stride) = (i128::try_from(input[at]).ok()?, strides[at]);
        if stride <= 0 {
            return None;
        }
        if auto.starts_with(b"SAME") {
            return size((input + stride - 1) / stride);
        }
        let pad = if auto == b"VALID" { 0 } else { pads[at] + pads[at + count] };
        let room = input + pad - dilations[at] * (kernel.get(at)? - 1) - 1;
        if room < 0 {
            return None;
        }
        size(if up { (room + stride - 1) / stride } else { room / stride } + 1)
    };
    (0..count).map(one).collect()
}

fn slide(node: &NodeProto, input: &[usize], kernel: &[usize]) -> Option<Vec<usize>> {
    let sizes: Vec<i128> = kernel.get(2..)?.iter().map(|&size| size as i128).collect();
    let mut shape = vec![*input.first()?, *kernel.first()?];
    shape.extend(spatial(node, input.get(2..)?, &sizes)?);
    Some(shape)
}

fn pool(node: &NodeProto, input: &[usize]) -> Option<Vec<usize>> {
    let kernel: Vec<i128> = attribute(node, "kernel_shape")?.ints.iter().map(|&size| i128::from(size)).collect();
    let mut shape = input.get(..2)?.to_vec();
    shape.extend(spatial(node, input.get(2..)?, &kernel)?);
    Some(shape)
}

fn slide_back(node: &NodeProto, input: &[usize], kernel: &[usize]) -> Option<Vec<usize>> {
    let picture = input.get(2..)?;
    let count = picture.len();
    let (strides, extra) = (each(node, "strides", count, 1)?, each(node, "output_padding", count, 0)?);
    let (pads, dilations) = (each(node, "pads", 2 * count, 0)?, each(node, "dilations", count, 1)?);
    let groups = usize::try_from(integer(node, "group").unwrap_or(1)).ok()?;
    let mut shape = vec![*input.first()?, kernel.get(1)?.checked_mul(groups)?];
    if attribute(node, "auto_pad").is_some_and(|attribute| attribute.s != b"NOTSET"[..])
        || attribute(node, "output_shape").is_some()
    {
        return None;
    }
    for at in 0..count {
        let reach = dilations[at] * (*kernel.get(at + 2)? as i128 - 1) + 1;
        shape.push(size((picture[at] as i128 - 1) * strides[at] + reach + extra[at] - pads[at] - pads[at + count])?);
    }
    Some(shape)
}
