//! Models and their manifests: what a model is, what goes in, what must come out.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::ArtifactId;
use crate::packaging::PackageSize;
use crate::pipeline::Pipeline;
use crate::tensor::{InputGenerator, Tolerance};
use crate::units::Bytes;

/// The arithmetic a model file asks for; what an engine really executed is in its evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32-bit floating point.
    Fp32,
    /// 16-bit floating point.
    Fp16,
    /// 8-bit integers for weights and activations.
    Int8,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fp32 => "fp32",
            Self::Fp16 => "fp16",
            Self::Int8 => "int8",
        })
    }
}

impl FromStr for Precision {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "fp32" => Ok(Self::Fp32),
            "fp16" => Ok(Self::Fp16),
            "int8" => Ok(Self::Int8),
            other => Err(format!("'{other}' is not a precision: fp32, fp16 or int8")),
        }
    }
}

/// Form of a model file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ModelFormat {
    /// ONNX, the one form that the engines inside the farm read.
    #[default]
    Onnx,
    /// LiteRT (TensorFlow Lite) flatbuffer, for that engine's own program.
    Tflite,
    /// ncnn's `.param` text, for that engine's own program.
    Ncnn,
    /// MNN, for that engine's own program.
    Mnn,
}

impl ModelFormat {
    /// Whether it is the default.
    pub fn is_onnx(&self) -> bool {
        *self == Self::Onnx
    }
}

impl fmt::Display for ModelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Onnx => "onnx",
            Self::Tflite => "tflite",
            Self::Ncnn => "ncnn",
            Self::Mnn => "mnn",
        })
    }
}

/// Element type of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ElementType {
    /// 32-bit floating point.
    F32,
    /// 16-bit floating point.
    F16,
    /// Unsigned byte.
    U8,
    /// Signed byte.
    I8,
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
}

/// Name, type and shape of an input or output; all dimensions are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TensorSpec {
    /// Name in the graph.
    pub name: String,
    /// Element type.
    pub element: ElementType,
    /// Dimensions; images are N, C, H, W.
    pub shape: Vec<usize>,
}

impl TensorSpec {
    /// Number of elements; saturates.
    pub fn elements(&self) -> usize {
        self.shape.iter().fold(1, |product, &dimension| product.saturating_mul(dimension))
    }
}

/// A figure that somebody published for this model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// `parameters`, `macs`, `top1`, …
    pub what: String,
    /// As printed there, with its unit: `569M`.
    pub figure: String,
    /// Paper, table or page.
    pub source: String,
}

/// How close an int8 model stays to the fp32 model it was made from, on seeded images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Fidelity {
    /// Signal to quantisation noise of the outputs, dB.
    pub sqnr_db: f64,
    /// Share of images with the same first class, 0 to 1.
    pub top1_agreement: f64,
    /// Images compared.
    pub images: u32,
}

/// Outputs that the model must give for its generated input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReferenceOutput {
    /// Which output.
    pub output: String,
    /// Flat positions that are compared; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub positions: Vec<u64>,
    /// The values there.
    pub values: Vec<f32>,
    /// How far an engine may be off.
    pub tolerance: Tolerance,
    /// Who computed them.
    pub computed_by: String,
}

/// Everything known of a model file but its bytes. JSON beside the file, `name.precision.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name without precision; runs of one name and precision form series: `mobilenet-v1-1.0-224`.
    pub name: String,
    /// Arithmetic of the file.
    pub precision: Precision,
    /// Architecture family: `mobilenet-v1`.
    pub family: String,
    /// Knobs of the family: `1.0-224`.
    pub variant: String,
    /// Form of the file.
    #[serde(default, skip_serializing_if = "ModelFormat::is_onnx")]
    pub format: ModelFormat,
    /// Digest of the file.
    pub artifact: ArtifactId,
    /// Size of the file as it is.
    pub size: Bytes,
    /// Its size in other packagings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<PackageSize>,
    /// Inputs.
    pub inputs: Vec<TensorSpec>,
    /// Outputs.
    pub outputs: Vec<TensorSpec>,
    /// How inputs are made for measuring and checking, one for each input.
    pub generators: Vec<InputGenerator>,
    /// What must come out of them; empty when nobody gave any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<ReferenceOutput>,
    /// Learnt numbers, as the architecture's paper counts them (before folding); none when unknown.
    pub parameters: Option<u64>,
    /// Multiply-adds of convolutions, transposed convolutions and fully-connected layers for one inference; none when unknown.
    pub macs: Option<u64>,
    /// ONNX operator-set version of the default domain.
    pub opset: u32,
    /// Operators of the file with their number.
    pub operators: Vec<(String, u32)>,
    /// Published figures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<Published>,
    /// int8 only: closeness to fp32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fidelity: Option<Fidelity>,
    /// From a camera's frame to an answer, where the model has such a use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<Pipeline>,
    /// How pixels become the input: `RGB, (x/255 - mean)/std`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub preprocessing: String,
    /// Licence of the file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub licence: String,
    /// Accuracy its owner claims, 0 to 1; shown as claimed, never measured here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_accuracy: Option<f64>,
    /// What produced it: `benchrack-zoo 0.1.0, seed 1` or `added by hand`.
    pub origin: String,
    /// Notes for people: approximations, differences of counting.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Manifest {
    /// Of a file of which nothing is known but its bytes, its name and the arithmetic it asks for.
    pub fn of_unknown(name: impl Into<String>, precision: Precision, artifact: ArtifactId, size: Bytes) -> Self {
        Self {
            name: name.into(),
            precision,
            family: String::new(),
            variant: String::new(),
            format: ModelFormat::Onnx,
            artifact,
            size,
            packages: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            generators: Vec::new(),
            references: Vec::new(),
            parameters: None,
            macs: None,
            opset: 0,
            operators: Vec::new(),
            published: Vec::new(),
            fidelity: None,
            pipeline: None,
            preprocessing: String::new(),
            licence: String::new(),
            claimed_accuracy: None,
            origin: String::new(),
            notes: Vec::new(),
        }
    }
}
