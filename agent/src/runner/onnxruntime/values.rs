//! Tensors between the protocol's words and ONNX Runtime's.

use std::borrow::Cow;

use benchrack_protocol::model::{ElementType, TensorSpec};
use benchrack_protocol::runner::FailureReason;
use half::f16;
use ort::session::Session;
use ort::value::{DynValue, Outlet, Tensor, TensorElementType, ValueType};

use super::super::engine::Output;
use super::super::inputs::Declared;
use super::{Refusal, failed};

/// The inputs as the file declares them.
pub fn declared(session: &Session) -> Vec<Declared> {
    session.inputs().iter().map(declare).collect()
}

fn declare(outlet: &Outlet) -> Declared {
    let (kind, shape) = (outlet.dtype().tensor_type(), outlet.dtype().tensor_shape());
    Declared {
        name: outlet.name().to_owned(),
        element: kind.and_then(element),
        kind: outlet.dtype().to_string(),
        shape: shape.and_then(|shape| known(shape)),
        dimensions: match outlet.dtype() {
            ValueType::Tensor { shape, dimension_symbols, .. } => dimensions(shape, dimension_symbols),
            other => other.to_string(),
        },
    }
}

/// Names and shapes of the outputs.
pub fn outputs(session: &Session) -> Vec<Output> {
    let one = |outlet: &Outlet| {
        let Declared { name, element, shape, .. } = declare(outlet);
        let spec = element.zip(shape).map(|(element, shape)| TensorSpec { name: name.clone(), element, shape });
        Output { name, spec }
    };
    session.outputs().iter().map(one).collect()
}

/// All dimensions, or none where one is open (-1).
fn known(shape: &[i64]) -> Option<Vec<usize>> {
    shape.iter().map(|&size| usize::try_from(size).ok()).collect()
}

fn dimensions(shape: &[i64], symbols: &[String]) -> String {
    let one = |(place, &size): (usize, &i64)| match symbols.get(place) {
        _ if size >= 0 => size.to_string(),
        Some(symbol) if !symbol.is_empty() => symbol.clone(),
        _ => "?".into(),
    };
    shape.iter().enumerate().map(one).collect::<Vec<_>>().join(",")
}

/// A tensor of these values, converted to the element type of the input.
pub fn tensor(spec: &TensorSpec, values: &[f32]) -> Result<DynValue, Refusal> {
    let shape = spec.shape.clone();
    let made = match spec.element {
        ElementType::F32 => Tensor::from_array((shape, values.to_vec())).map(Tensor::into_dyn),
        ElementType::F16 => of(shape, values, f16::from_f32),
        ElementType::U8 => of(shape, values, |value| value as u8),
        ElementType::I8 => of(shape, values, |value| value as i8),
        ElementType::I32 => of(shape, values, |value| value as i32),
        ElementType::I64 => of(shape, values, |value| value as i64),
    };
    made.map_err(|error| Refusal::new(FailureReason::RefusedByEngine, format!("input '{}': {error}", spec.name)))
}

fn of<T>(shape: Vec<usize>, values: &[f32], convert: impl Fn(f32) -> T) -> ort::Result<DynValue>
where
    T: ort::value::PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
{
    let values: Vec<T> = values.iter().map(|&value| convert(value)).collect();
    Tensor::from_array((shape, values)).map(Tensor::into_dyn)
}

/// The values of a tensor as f32, borrowed where they are.
pub fn as_f32(value: &DynValue) -> Result<Cow<'_, [f32]>, Refusal> {
    let kind = value.dtype().tensor_type();
    let converted = match kind {
        Some(TensorElementType::Float32) => {
            let (_, values) = value.try_extract_tensor::<f32>().map_err(|error| failed(&error))?;
            return Ok(Cow::Borrowed(values));
        }
        Some(TensorElementType::Float16) => convert::<f16>(value, |value| value.to_f32()),
        Some(TensorElementType::Uint8) => convert::<u8>(value, f32::from),
        Some(TensorElementType::Int8) => convert::<i8>(value, f32::from),
        Some(TensorElementType::Int32) => convert::<i32>(value, |value| value as f32),
        Some(TensorElementType::Int64) => convert::<i64>(value, |value| value as f32),
        _ => {
            let detail = format!("an output of type {} cannot be read", value.dtype());
            return Err(Refusal::new(FailureReason::InferenceFailed, detail));
        }
    };
    converted.map(Cow::Owned).map_err(|error| failed(&error))
}

fn convert<T: ort::value::PrimitiveTensorElementType + Copy>(value: &DynValue, to: impl Fn(T) -> f32) -> ort::Result<Vec<f32>> {
    let (_, values) = value.try_extract_tensor::<T>()?;
    Ok(values.iter().map(|&value| to(value)).collect())
}

/// The element type on the wire; none for types that the protocol does not carry.
fn element(kind: TensorElementType) -> Option<ElementType> {
    Some(match kind {
        TensorElementType::Float32 => ElementType::F32,
        TensorElementType::Float16 => ElementType::F16,
        TensorElementType::Uint8 => ElementType::U8,
        TensorElementType::Int8 => ElementType::I8,
        TensorElementType::Int32 => ElementType::I32,
        TensorElementType::Int64 => ElementType::I64,
        _ => return None,
    })
}
