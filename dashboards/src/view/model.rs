//! Models known to the server.

use benchrack_protocol::api::Estimate;
use benchrack_protocol::ids::{ArtifactId, ModelId, RunId};
use benchrack_protocol::model::{Fidelity, Precision, TensorSpec};
use benchrack_protocol::packaging::Packaging;
use benchrack_protocol::units::Bytes;
use serde::Serialize;
use time::OffsetDateTime;

/// The newest revision of each model, or the revisions of one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelsView {
    /// The revision with which the list of one model's revisions begins; none for the list of all models.
    pub of: Option<ModelId>,
    /// All models by family, name and precision; of one model, newest revision first.
    pub rows: Vec<ModelRow>,
    /// Link to earlier revisions; none when these are all.
    pub older: Option<String>,
}

/// One revision of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelRow {
    /// Id.
    pub id: ModelId,
    /// Name without precision.
    pub name: String,
    /// Arithmetic of the file.
    pub precision: Precision,
    /// Family.
    pub family: String,
    /// The file.
    pub artifact: ArtifactId,
    /// Its size.
    pub size: Bytes,
    /// Inputs.
    pub inputs: Vec<TensorSpec>,
    /// Learnt numbers.
    pub parameters: Option<u64>,
    /// Multiply-adds of one inference.
    pub macs: Option<u64>,
    /// Closeness to fp32; int8 only.
    pub fidelity: Option<Fidelity>,
    /// Accuracy its owner claims, 0 to 1.
    pub claimed_accuracy: Option<f64>,
    /// Operator-set version.
    pub opset: u32,
    /// Revision; may be empty.
    pub revision: String,
    /// What produced it.
    pub origin: String,
    /// Licence; may be empty.
    pub licence: String,
    /// Notes for people.
    pub notes: Vec<String>,
    /// When it was added.
    #[serde(with = "time::serde::rfc3339")]
    pub added_at: OffsetDateTime,
    /// What is known of its packagings, itself among them, in the order of [`Packaging::ALL`]; empty where nothing is.
    pub packages: Vec<ModelPackage>,
    /// Whether a newer file has its name and precision.
    pub superseded: bool,
    /// Whether there are earlier revisions that this list leaves out.
    pub has_earlier: bool,
    /// Runs of this file.
    pub runs: u64,
}

/// A model file in one packaging.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelPackage {
    /// Form.
    pub packaging: Packaging,
    /// Bytes; none where the manifest does not say.
    pub size: Option<Bytes>,
    /// Its newest load; none where it was not measured.
    pub load: Option<PackageLoad>,
}

/// How long it took to load a model from a package.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PackageLoad {
    /// Unpacking and loading, ns.
    pub time: Estimate,
    /// The run that measured it.
    pub run: RunId,
    /// Name of its device.
    pub device: String,
}
