//! Tensors between the protocol's words and OpenVINO's.

use std::borrow::Cow;

use benchrack_protocol::model::{ElementType, TensorSpec};
use openvino::{ElementType as Kind, InferenceError, Model, Node, PartialShape, Shape, Tensor};

use super::super::engine::Output;
use super::super::inputs::Declared;

/// The inputs as the file declares them.
pub fn declared(model: &Model) -> Result<Vec<Declared>, InferenceError> {
    (0..model.get_inputs_len()?).map(|place| declare(&model.get_input_by_index(place)?)).collect()
}

fn declare(node: &Node) -> Result<Declared, InferenceError> {
    let kind = node.get_element_type()?;
    let partial = node.get_partial_shape()?;
    let open = partial.is_dynamic();
    // A shape of unknown rank has no dimensions to show.
    let sizes: Vec<(i64, i64)> = if partial.get_rank().is_dynamic() {
        Vec::new()
    } else {
        partial.get_dimensions().iter().map(|size| (size.get_min(), size.get_max())).collect()
    };
    let shown = |&(low, high): &(i64, i64)| if low == high { low.to_string() } else { "?".into() };
    Ok(Declared {
        name: node.get_name()?,
        element: element(kind),
        kind: kind.to_string(),
        shape: if open { None } else { sizes.iter().map(|&(size, _)| usize::try_from(size).ok()).collect() },
        dimensions: sizes.iter().map(shown).collect::<Vec<_>>().join(","),
    })
}

/// Gives the inputs of the model these shapes.
pub fn fix(model: &mut Model, specs: &[TensorSpec]) -> Result<(), InferenceError> {
    for (place, spec) in specs.iter().enumerate() {
        let shape = PartialShape::new_static(spec.shape.len() as i64, &sizes(spec))?;
        model.reshape_by_port_indexes(&[(place, &shape)])?;
    }
    Ok(())
}

/// Names and shapes of the outputs.
pub fn outputs(model: &Model) -> Result<Vec<Output>, InferenceError> {
    let one = |place| {
        let Declared { name, element, shape, .. } = declare(&model.get_output_by_index(place)?)?;
        let spec = element.zip(shape).map(|(element, shape)| TensorSpec { name: name.clone(), element, shape });
        Ok(Output { name, spec })
    };
    (0..model.get_outputs_len()?).map(one).collect()
}

fn sizes(spec: &TensorSpec) -> Vec<i64> {
    spec.shape.iter().map(|&size| i64::try_from(size).unwrap_or(i64::MAX)).collect()
}

/// A tensor for an input.
pub fn empty(spec: &TensorSpec) -> Result<Tensor, InferenceError> {
    let kind = match spec.element {
        ElementType::F32 => Kind::F32,
        ElementType::F16 => Kind::F16,
        ElementType::U8 => Kind::U8,
        ElementType::I8 => Kind::I8,
        ElementType::I32 => Kind::I32,
        ElementType::I64 => Kind::I64,
    };
    Tensor::new(kind, &Shape::new(&sizes(spec))?)
}

/// Writes the values into the tensor, converted to its type.
pub fn fill(tensor: &mut Tensor, element: ElementType, values: &[f32]) -> Result<(), InferenceError> {
    match element {
        ElementType::F32 => tensor.get_data_mut::<f32>()?.copy_from_slice(values),
        ElementType::F16 => convert(tensor.get_data_mut()?, values, half::f16::from_f32),
        ElementType::U8 => convert(tensor.get_data_mut()?, values, |value| value as u8),
        ElementType::I8 => convert(tensor.get_data_mut()?, values, |value| value as i8),
        ElementType::I32 => convert(tensor.get_data_mut()?, values, |value| value as i32),
        ElementType::I64 => convert(tensor.get_data_mut()?, values, |value| value as i64),
    }
    Ok(())
}

fn convert<T>(place: &mut [T], values: &[f32], to: impl Fn(f32) -> T) {
    for (place, &value) in place.iter_mut().zip(values) {
        *place = to(value);
    }
}

/// The values of a tensor as f32, borrowed where they are.
pub fn as_f32(tensor: &Tensor) -> Result<Cow<'_, [f32]>, InferenceError> {
    Ok(match tensor.get_element_type()? {
        Kind::F32 => Cow::Borrowed(tensor.get_data::<f32>()?),
        Kind::F16 => tensor.get_data::<half::f16>()?.iter().map(|value| value.to_f32()).collect(),
        Kind::U8 => tensor.get_data::<u8>()?.iter().map(|&value| f32::from(value)).collect(),
        Kind::I8 => tensor.get_data::<i8>()?.iter().map(|&value| f32::from(value)).collect(),
        Kind::I32 => tensor.get_data::<i32>()?.iter().map(|&value| value as f32).collect(),
        Kind::I64 => tensor.get_data::<i64>()?.iter().map(|&value| value as f32).collect(),
        other => {
            let message = Some(format!("an output of type {other} cannot be read"));
            return Err(InferenceError { kind: openvino::InferenceErrorKind::NotImplemented, message });
        }
    })
}

/// The element type on the wire; none for types that the protocol does not carry.
fn element(kind: Kind) -> Option<ElementType> {
    Some(match kind {
        Kind::F32 => ElementType::F32,
        Kind::F16 => ElementType::F16,
        Kind::U8 => ElementType::U8,
        Kind::I8 => ElementType::I8,
        Kind::I32 => ElementType::I32,
        Kind::I64 => ElementType::I64,
        _ => return None,
    })
}
