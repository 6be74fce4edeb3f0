//! Input tensors: the shapes asked for, and the values made from seeds.

use benchrack_protocol::model::{ElementType, TensorSpec};
use benchrack_protocol::runner::{FailureReason, LoadRequest};
use benchrack_protocol::tensor::InputGenerator;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid;

use super::Refusal;

/// What feeds an input when nobody says.
const DEFAULT: InputGenerator = InputGenerator::Uniform { seed: 1, low: -1.0, high: 1.0 };

/// No model for a phone has an input of this many elements; a shape that asks for more is a mistake.
const MOST_ELEMENTS: usize = 1 << 28;

fn refuse(detail: String) -> Refusal {
    Refusal::new(FailureReason::RefusedByEngine, detail)
}

/// Gives every input of the model a known shape: the one asked for by name, else the file's own.
pub fn fix_shapes(model: &mut InferenceModel, asked: &[TensorSpec]) -> Result<Vec<TensorSpec>, Refusal> {
    let outlets = model.inputs.clone();
    let names: Vec<String> = outlets.iter().map(|outlet| model.node(outlet.node).name.clone()).collect();
    if let Some(stranger) = asked.iter().find(|spec| !names.contains(&spec.name)) {
        return Err(refuse(format!("the model has no input '{}'; it has {}", stranger.name, names.join(", "))));
    }
    let mut specs = Vec::new();
    for (index, (outlet, name)) in outlets.iter().zip(names).enumerate() {
        let fact = model.outlet_fact(*outlet).map_err(|error| refuse(error.to_string()))?.clone();
        let element = fact.datum_type.concretize().map_or(Ok(ElementType::F32), |kind| element_of(kind, &name))?;
        let spec = match asked.iter().find(|spec| spec.name == name) {
            Some(spec) => spec.clone(),
            None => {
                let shape = fact.shape.as_concrete_finite().ok().flatten();
                let shape = shape
                    .ok_or_else(|| refuse(format!("input '{name}' leaves dimensions open ({:?}): say its shape", fact.shape)))?;
                TensorSpec { name, element, shape: shape.to_vec() }
            }
        };
        if spec.elements() > MOST_ELEMENTS {
            return Err(refuse(format!(
                "input '{}' of shape {:?} has more than {MOST_ELEMENTS} elements",
                spec.name, spec.shape
            )));
        }
        let wanted = InferenceFact::dt_shape(datum(spec.element), &spec.shape);
        model.set_input_fact(index, wanted).map_err(|error| refuse(format!("input '{}': {error}", spec.name)))?;
        specs.push(spec);
    }
    Ok(specs)
}

/// Makes the tensors, in the model's order.
pub fn tensors(specs: &[TensorSpec], request: &LoadRequest) -> Result<TVec<TValue>, Refusal> {
    let generator = |spec: &TensorSpec| {
        // Generators stand in the order of the request's inputs, which need not be the file's.
        let place = request.inputs.iter().position(|asked| asked.name == spec.name);
        place.and_then(|place| request.generators.get(place)).unwrap_or(&DEFAULT)
    };
    let make = |spec: &TensorSpec| {
        let values = generator(spec).generate(&spec.shape);
        let tensor = Tensor::from_shape(&spec.shape, &values).map_err(|error| refuse(error.to_string()))?;
        let cast = tensor.cast_to_dt(datum(spec.element)).map_err(|error| refuse(error.to_string()))?;
        Ok(cast.into_owned().into_tvalue())
    };
    specs.iter().map(make).collect()
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

fn element_of(kind: DatumType, name: &str) -> Result<ElementType, Refusal> {
    element(kind).ok_or_else(|| refuse(format!("input '{name}' is of type {kind:?}, which cannot be made")))
}

/// The element type on the wire; none for types that the protocol does not carry.
pub fn element(kind: DatumType) -> Option<ElementType> {
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
