//! Shapes and tensors between the protocol's words and tract's.

use benchrack_protocol::model::{ElementType, TensorSpec};
use benchrack_protocol::runner::FailureReason;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid;

use super::super::engine::Output;
use super::super::inputs::Declared;
use super::Refusal;

fn refuse(detail: impl ToString) -> Refusal {
    Refusal::new(FailureReason::RefusedByEngine, detail.to_string())
}

/// The inputs as the file declares them.
pub fn declared(model: &InferenceModel) -> Result<Vec<Declared>, Refusal> {
    let one = |outlet: &OutletId| {
        let fact = model.outlet_fact(*outlet).map_err(refuse)?;
        let kind = fact.datum_type.concretize();
        Ok(Declared {
            name: model.node(outlet.node).name.clone(),
            element: kind.map_or(Some(ElementType::F32), element),
            kind: kind.map(|kind| format!("{kind:?}")).unwrap_or_default(),
            shape: fact.shape.as_concrete_finite().ok().flatten().map(|shape| shape.to_vec()),
            dimensions: format!("{:?}", fact.shape),
        })
    };
    model.inputs.iter().map(one).collect()
}

/// Gives the inputs of the model these types and shapes.
pub fn fix(model: &mut InferenceModel, specs: &[TensorSpec]) -> Result<(), Refusal> {
    for (index, spec) in specs.iter().enumerate() {
        let wanted = InferenceFact::dt_shape(datum(spec.element), &spec.shape);
        model.set_input_fact(index, wanted).map_err(|error| refuse(format!("input '{}': {error}", spec.name)))?;
    }
    Ok(())
}

/// Names and shapes of the outputs.
pub fn outputs(model: &TypedModel) -> Vec<Output> {
    let one = |&outlet: &OutletId| {
        let name = model.outlet_label(outlet).unwrap_or(&model.node(outlet.node).name).to_owned();
        let fact = model.outlet_fact(outlet).ok();
        let shape = fact.and_then(|fact| fact.shape.as_concrete().map(<[usize]>::to_vec));
        let spec = fact.and_then(|fact| element(fact.datum_type)).zip(shape);
        Output { spec: spec.map(|(element, shape)| TensorSpec { name: name.clone(), element, shape }), name }
    };
    model.outputs.iter().map(one).collect()
}

/// A tensor of these values, converted to the element type of the input.
pub fn tensor(spec: &TensorSpec, values: &[f32]) -> Result<TValue, Refusal> {
    let tensor = Tensor::from_shape(&spec.shape, values).map_err(refuse)?;
    if spec.element == ElementType::F32 {
        return Ok(tensor.into_tvalue());
    }
    Ok(tensor.cast_to_dt(datum(spec.element)).map_err(refuse)?.into_owned().into_tvalue())
}

/// The place of an input before its values are known; it takes no memory.
pub fn empty(spec: &TensorSpec) -> Result<TValue, Refusal> {
    Tensor::zero_dt(datum(spec.element), &[0]).map(IntoTValue::into_tvalue).map_err(refuse)
}

fn datum(element: ElementType) -> DatumType {
    match element {
        ElementType::F32 => DatumType::F32,
        ElementType::F16 => DatumType::F16,
        ElementType::U8 => DatumType::U8,
        ElementType::I8 => DatumType::I8,
        ElementType::I32 => DatumType::I32,
        ElementType::I64 => DatumType::I64,
    }
}

/// The element type on the wire; none for types that the protocol does not carry.
fn element(kind: DatumType) -> Option<ElementType> {
    Some(match kind.unquantized() {
        DatumType::F32 => ElementType::F32,
        DatumType::F16 => ElementType::F16,
        DatumType::U8 => ElementType::U8,
        DatumType::I8 => ElementType::I8,
        DatumType::I32 => ElementType::I32,
        DatumType::I64 => ElementType::I64,
        _ => return None,
    })
}
