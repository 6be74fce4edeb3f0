//! One architecture to its two files: settle, quantise, check, measure fidelity, describe.

use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::model::{ElementType, Manifest, Precision, Published, ReferenceOutput, TensorSpec};
use benchrack_protocol::packaging::{ENVELOPE, PackageError, PackageKey, PackageSize, Packaging, ZSTD_LEVEL, pack};
use benchrack_protocol::tensor::{InputGenerator, Tolerance};
use benchrack_protocol::units::Bytes;

use crate::architectures::Architecture;
use crate::execute::{self, ExecuteError, Tensor};
use crate::export::{self, INPUT, OPSET, OUTPUT};
use crate::fidelity;
use crate::graph::{Graph, GraphError};
use crate::pipeline::pipeline;
use crate::program::{Operator, Program};
use crate::quantise::quantise;
use crate::seeded::Draws;
use crate::settle::settle;

/// Raised whenever the same seed gives other bytes or another manifest than before, so that cached files are made again.
pub const GENERATOR: u32 = 2;
/// Largest number of outputs that a manifest carries whole; of more, as many are drawn by the seed.
const REFERENCES: usize = 4096;

/// A model that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The architecture's layers do not fit each other.
    #[error("the architecture is wrong")]
    Graph(#[from] GraphError),
    /// A pass of this crate wired operators wrongly.
    #[error("the program cannot be executed")]
    Execute(#[from] ExecuteError),
    /// A packaging could not be tried.
    #[error("the file cannot be packed, so that its sizes are unknown")]
    Package(#[from] PackageError),
    /// The weights of this seed give a net that would hide errors or run at an untypical speed.
    #[error("the {precision} net is degenerate with this seed: {problem}; choose another seed")]
    Degenerate {
        /// Which of the two.
        precision: Precision,
        /// What is wrong.
        problem: String,
    },
}

/// A file and what is known of it.
#[derive(Debug, Clone)]
pub struct Generated {
    /// Description.
    pub manifest: Manifest,
    /// ONNX.
    pub bytes: Vec<u8>,
}

/// What says that a file is up to date: generator, seed and the architecture itself.
pub fn origin(graph: &Graph, seed: u64) -> String {
    let recipe = ArtifactId::of(format!("{graph:?}").as_bytes()).short();
    format!("benchrack-zoo {}, generator {GENERATOR}, seed {seed}, architecture {recipe}", env!("CARGO_PKG_VERSION"))
}

/// Makes the fp32 and the int8 file, in this order.
///
/// # Errors
/// The architecture cannot be built, or its net is degenerate with this seed.
pub fn generate(architecture: &Architecture, seed: u64) -> Result<[Generated; 2], GenerateError> {
    let graph = (architecture.graph)()?;
    let draws = Draws::new(architecture.name, seed);
    let shape = picture_shape(&graph);
    let calibration = fidelity::calibration(&shape, seed);
    let settled = settle(&graph, &draws, &calibration)?;
    let integer = quantise(&settled.program, &settled.ranges);
    let input = InputGenerator::Image { seed }.generate(&shape);
    let unseen = fidelity::unseen(&calibration, &shape, seed, fidelity::pictures(graph.macs()));
    let fidelity = fidelity::measure(&settled.program, &integer, &unseen)?;
    let make = |precision: Precision, program: &Program| {
        let model = export::export(architecture.name, program);
        let outputs = checked_outputs(program, precision, &input)?;
        let bytes = export::encode(&model);
        let mut manifest = manifest(architecture, &graph, program, precision, seed, &outputs);
        manifest.artifact = ArtifactId::of(&bytes);
        manifest.size = Bytes(bytes.len() as u64);
        manifest.packages = packages(&bytes, &draws)?;
        manifest.operators = crate::inspect::histogram(&model);
        if precision == Precision::Int8 {
            manifest.fidelity = Some(fidelity.clone());
        }
        Ok::<_, GenerateError>(Generated { manifest, bytes })
    };
    Ok([make(Precision::Fp32, &settled.program)?, make(Precision::Int8, &integer)?])
}

/// The outputs for the reference input, after making sure that the net can show an engine's errors and runs as real ones do.
fn checked_outputs(program: &Program, precision: Precision, input: &[f32]) -> Result<Vec<f32>, GenerateError> {
    let (mut strange, mut spans) = (None, Vec::new());
    let result = execute::run(program, input, &mut |index, tensor| match tensor {
        Tensor::F32(values) => {
            if let Some(value) = values.iter().find(|value| !value.is_finite() || value.is_subnormal()) {
                strange.get_or_insert_with(|| format!("'{}' has the value {value:e}", program.nodes[index].name));
            }
        }
        Tensor::U8(codes) => {
            let [low, high] = codes.iter().fold([u8::MAX, 0], |[low, high], &code| [low.min(code), high.max(code)]);
            spans.push((high.saturating_sub(low), index));
        }
    })?;
    let Tensor::F32(outputs) = result else {
        return Err(GenerateError::Degenerate { precision, problem: "its outputs are codes".into() });
    };
    let mut bits: Vec<u32> = outputs.iter().map(|value| value.to_bits()).collect();
    bits.sort_unstable();
    bits.dedup();
    // int8 answers are themselves codes, so that a tenth of the outputs or 40 codes must be enough for them.
    let enough = match precision {
        Precision::Int8 => 40.min(outputs.len() / 10 + 1),
        _ => 100.min(outputs.len() / 2 + 1),
    };
    spans.sort_unstable();
    let median = spans.get(spans.len() / 2).map_or(255, |(span, _)| *span);
    let narrow = spans.first().filter(|(span, _)| *span < 16);
    let problem = if let Some(strange) = strange {
        strange
    } else if bits.len() < enough {
        format!("only {} of {} outputs differ", bits.len(), outputs.len())
    } else if median < 128 {
        format!("half of the int8 tensors use no more than {median} of 255 codes")
    } else if let Some((span, index)) = narrow {
        format!("'{}' uses only {span} of 255 codes", program.nodes[*index].name)
    } else {
        return Ok(outputs);
    };
    Err(GenerateError::Degenerate { precision, problem })
}

fn picture_shape(graph: &Graph) -> Vec<usize> {
    let [channels, height, width] = graph.input_shape();
    vec![1, channels, height, width]
}

/// Sizes of the file in every packaging. Key and nonce come from the seed and are forgotten: they open nothing that is kept.
fn packages(bytes: &[u8], draws: &Draws) -> Result<Vec<PackageSize>, PackageError> {
    let key = PackageKey(draws.digest("package", "key"));
    let nonce = draws.digest("package", "nonce").first_chunk().copied().unwrap_or_default();
    let compressed = pack(Packaging::Zstd, bytes, None, nonce)?.len();
    let size = |packaging| {
        let size = match packaging {
            Packaging::Raw => bytes.len(),
            Packaging::Zstd => compressed,
            Packaging::EncryptedThenZstd => pack(packaging, bytes, Some(&key), nonce)?.len(),
            Packaging::ZstdThenEncrypted => compressed + ENVELOPE,
        };
        Ok(PackageSize { packaging, size: Bytes(size as u64) })
    };
    Packaging::ALL.into_iter().map(size).collect()
}

fn manifest(
    architecture: &Architecture,
    graph: &Graph,
    program: &Program,
    precision: Precision,
    seed: u64,
    outputs: &[f32],
) -> Manifest {
    let input = TensorSpec { name: INPUT.into(), element: ElementType::F32, shape: picture_shape(graph) };
    let shape = program.nodes.last().map(export::output_shape).unwrap_or_default();
    let output = TensorSpec { name: OUTPUT.into(), element: ElementType::F32, shape };
    let mut notes = vec!["random weights from a seed: for speed and arithmetic, not for accuracy".to_owned()];
    notes.push("parameters are counted before batch normalisation is folded into the convolutions, as in the file".into());
    notes.push(format!("packages: Zstandard level {ZSTD_LEVEL}, AES-256-GCM; sizes do not depend on the key"));
    notes.extend(architecture.notes.iter().map(|&note| note.to_owned()));
    let published = architecture.published.iter().map(|[what, figure, source]| Published {
        what: (*what).into(),
        figure: (*figure).into(),
        source: (*source).into(),
    });
    Manifest {
        family: architecture.family.into(),
        variant: architecture.variant.into(),
        inputs: vec![input],
        outputs: vec![output],
        generators: vec![InputGenerator::Image { seed }],
        references: vec![reference(architecture.name, seed, program, precision, outputs)],
        parameters: Some(graph.parameters()),
        macs: Some(graph.macs()),
        opset: OPSET,
        published: published.collect(),
        pipeline: Some(pipeline(graph, seed)),
        preprocessing: "RGB, planes in this order, (x/255 - mean)/std with mean 0.485 0.456 0.406 and std 0.229 0.224 0.225"
            .into(),
        licence: "MIT OR Apache-2.0".into(),
        origin: origin(graph, seed),
        notes,
        // Digest and size come with the bytes.
        ..Manifest::of_unknown(architecture.name, precision, ArtifactId([0; 32]), Bytes(0))
    }
}

fn reference(name: &str, seed: u64, program: &Program, precision: Precision, outputs: &[f32]) -> ReferenceOutput {
    let positions: Vec<u64> = if outputs.len() <= REFERENCES {
        Vec::new()
    } else {
        let draws = Draws::new(name, seed).uniform("reference", "positions", REFERENCES, 0.0, outputs.len() as f32);
        let mut positions: Vec<u64> = draws.iter().map(|&at| (at as u64).min(outputs.len() as u64 - 1)).collect();
        positions.sort_unstable();
        positions.dedup();
        positions
    };
    let values = if positions.is_empty() { outputs.to_vec() } else { positions.iter().map(|&at| outputs[at as usize]).collect() };
    let tolerance = if precision == Precision::Fp32 { Tolerance::FP32 } else { integer_tolerance(program) };
    ReferenceOutput {
        output: OUTPUT.into(),
        positions,
        values,
        tolerance,
        computed_by: "benchrack-zoo reference executor".into(),
    }
}

/// Engines round codes alike within a dense net, but may fuse a dequantised convolution into integers, where a value on the
/// edge between two codes falls to the other side; one such code moves those after it.
fn integer_tolerance(program: &Program) -> Tolerance {
    let fusible =
        program.nodes.iter().any(|node| matches!(node.operator, Operator::Conv { .. } | Operator::ConvTranspose { .. }));
    if fusible {
        Tolerance { max_relative_error: 0.25, min_cosine: 0.98 }
    } else {
        Tolerance { max_relative_error: 0.15, min_cosine: 0.995 }
    }
}
