//! The inputs of a model: the shapes asked for against those of the file, and the values made from seeds. No engine is
//! involved, so that all get the same.

use std::path::Path;

use benchrack_protocol::causes::chain;
use benchrack_protocol::model::{ElementType, TensorSpec};
use benchrack_protocol::runner::{FailureReason, InputFile, LoadRequest};
use benchrack_protocol::tensor::InputGenerator;

use super::Refusal;
use super::engine::Engine;
use crate::npy;

/// What feeds an input when nobody says.
const DEFAULT: InputGenerator = InputGenerator::Uniform { seed: 1, low: -1.0, high: 1.0 };

/// No model for a phone has an input of this many elements; a shape that asks for more is a mistake.
const MOST_ELEMENTS: usize = 1 << 28;

/// An input as the file declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Name in the graph.
    pub name: String,
    /// Element type; none where the protocol has no such type.
    pub element: Option<ElementType>,
    /// The type in the engine's own words, for people.
    pub kind: String,
    /// Dimensions; none where one is left open.
    pub shape: Option<Vec<usize>>,
    /// The dimensions in the engine's own words, for people.
    pub dimensions: String,
}

fn refuse(detail: String) -> Refusal {
    Refusal::new(FailureReason::RefusedByEngine, detail)
}

/// Gives every input a known shape: the one asked for by name, else the file's own.
///
/// # Errors
/// When an input that is asked for is not in the model, or one stays open, is of a type that cannot be made, or is
/// enormous.
pub fn settle(declared: &[Declared], asked: &[TensorSpec]) -> Result<Vec<TensorSpec>, Refusal> {
    if let Some(stranger) = asked.iter().find(|spec| !declared.iter().any(|input| input.name == spec.name)) {
        let names: Vec<&str> = declared.iter().map(|input| input.name.as_str()).collect();
        return Err(refuse(format!("the model has no input '{}'; it has {}", stranger.name, names.join(", "))));
    }
    declared.iter().map(|input| settle_one(input, asked)).collect()
}

fn settle_one(input: &Declared, asked: &[TensorSpec]) -> Result<TensorSpec, Refusal> {
    let Declared { name, element, kind, shape, dimensions } = input;
    let element = element.ok_or_else(|| refuse(format!("input '{name}' is of type {kind}, which cannot be made")))?;
    let spec = match asked.iter().find(|spec| spec.name == *name) {
        Some(spec) => TensorSpec { element, ..spec.clone() },
        None => {
            let shape = shape
                .clone()
                .ok_or_else(|| refuse(format!("input '{name}' leaves dimensions open ({dimensions}): say its shape")))?;
            TensorSpec { name: name.clone(), element, shape }
        }
    };
    if spec.elements() > MOST_ELEMENTS {
        return Err(refuse(format!("input '{}' of shape {:?} has more than {MOST_ELEMENTS} elements", spec.name, spec.shape)));
    }
    Ok(spec)
}

/// Gives an engine the values of each of its inputs.
///
/// # Errors
/// When a file of values cannot be read, is of an input that the model has not, or of another shape.
pub fn set(engine: &mut dyn Engine, request: &LoadRequest) -> Result<(), Refusal> {
    for (place, values) in values(engine.inputs(), request)?.into_iter().enumerate() {
        engine.set_input(place, &values)?;
    }
    Ok(())
}

/// The values of each input, row-major, in the model's order.
///
/// # Errors
/// As [`set`].
pub fn values(specs: &[TensorSpec], request: &LoadRequest) -> Result<Vec<Vec<f32>>, Refusal> {
    if let Some(stranger) =
        request.files.iter().find(|file| !file.name.is_empty() && !specs.iter().any(|spec| spec.name == file.name))
    {
        let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        return Err(refuse(format!("the model has no input '{}'; it has {}", stranger.name, names.join(", "))));
    }
    let make = |(place, spec): (usize, &TensorSpec)| {
        let named = |file: &&InputFile| file.name == spec.name || (file.name.is_empty() && place == 0);
        if let Some(file) = request.files.iter().find(named) {
            return of_file(&file.path, spec);
        }
        // Generators stand in the order of the request's inputs, which need not be the file's.
        let place = request.inputs.iter().position(|asked| asked.name == spec.name);
        let generator = place.and_then(|place| request.generators.get(place)).unwrap_or(&DEFAULT);
        Ok(generator.generate(&spec.shape))
    };
    specs.iter().enumerate().map(make).collect()
}

fn of_file(path: &Path, spec: &TensorSpec) -> Result<Vec<f32>, Refusal> {
    let array = npy::read(path).map_err(|error| refuse(format!("input '{}': {}", spec.name, chain(&error))))?;
    if array.shape != spec.shape {
        let (name, path) = (&spec.name, path.display());
        return Err(refuse(format!("input '{name}' is of shape {:?}, {path} of {:?}", spec.shape, array.shape)));
    }
    Ok(array.values)
}
