//! Which architecture to ship on which phone.

use benchrack_protocol::api::Run;
use benchrack_protocol::engine::IntegerKernels;
use benchrack_protocol::ids::SeriesId;
use benchrack_protocol::model::{Fidelity, Precision};
use benchrack_protocol::units::Bytes;
use serde::Serialize;

use super::{Axes, BudgetLine, DeviceRef, Figure};

/// Architectures against each other, device by device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CompareView {
    /// The model whose newest revisions are compared; none compares the newest of each model.
    pub model: Option<String>,
    /// What can be chosen and what is chosen, in the form's order: `device`, `model`, `precision`, `threads`, `engine`, `cores`,
    /// `frequency`, `base`. A facet with fewer than two options is not drawn.
    pub facets: Vec<Facet>,
    /// Name of the subject all others are set against, such as `mobilenet-v1-1.0-224 fp32`; none: no base chosen.
    pub base: Option<String>,
    /// Two figures that people chose to see against each other, first of all charts; none for those that are always there.
    pub axes: Option<Axes>,
    /// What subjects must keep. Those that do not are dim, and are nobody's answer.
    pub budgets: Vec<BudgetLine>,
    /// One table each; devices without a fitting run are left out.
    pub devices: Vec<CompareDevice>,
    /// Rows that fit and are left out, because there are too many: of other operating points, of older builds of engines.
    pub left_out: u32,
    /// The query string that leads to this view, without `?`; charts and downloads carry it.
    pub query: String,
}

impl CompareView {
    /// Whether a row keeps every budget.
    pub fn fits(&self, row: &CompareRow) -> bool {
        self.budgets.iter().all(|budget| budget.keeps(row))
    }

    /// Whether there is any budget.
    pub fn has_budgets(&self) -> bool {
        self.budgets.iter().any(|budget| budget.limit.is_some())
    }
}

/// One choice of the form, sent as `name=value`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facet {
    /// Query parameter: `device`.
    pub name: String,
    /// At most one is chosen; none chosen means the first.
    pub options: Vec<FacetOption>,
}

/// One option of a choice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FacetOption {
    /// Value sent; empty for "all".
    pub value: String,
    /// What is shown; empty shows the word for "all" (for `base`: "none").
    pub label: String,
    /// Whether it is in force.
    pub chosen: bool,
}

/// One device's comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CompareDevice {
    /// Device.
    pub device: DeviceRef,
    /// Fastest first; rows without a latency last. One row for each (model, precision, engine build, threads, operating
    /// point, knobs): the newest valid run, or the newest of any kind where none is valid.
    pub rows: Vec<CompareRow>,
}

/// One subject on one device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CompareRow {
    /// The run, with all its metrics. A metric that is not listed is shown as not measured.
    pub run: Run,
    /// The model's revision, or the start of its file's digest where it has no word; only where several are compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Architecture family: `mobilenet-v1`. Rows of one family have one colour and shape in the scatter charts.
    pub family: String,
    /// Series of the median latency.
    pub series: Option<SeriesId>,
    /// Size of the model file.
    pub size: Bytes,
    /// Learnt numbers; none when the manifest does not say.
    pub parameters: Option<u64>,
    /// Multiply-adds of one inference; none when the manifest does not say.
    pub macs: Option<u64>,
    /// Closeness to fp32; int8 only.
    pub fidelity: Option<Fidelity>,
    /// Accuracy its owner claims, 0 to 1.
    pub claimed_accuracy: Option<f64>,
    /// How much ran in integer kernels; none when the run failed.
    pub integer_kernels: Option<IntegerKernels>,
    /// Family of kernels the engine chose; empty when the run failed.
    pub kernels: String,
    /// What ran: convolutions and matrix products by the arithmetic of their kernels, with their number. Empty when the run
    /// failed or the engine does not tell.
    pub executed: Vec<(Precision, u32)>,
    /// Engine's name, with its version where several builds of it are on the device.
    pub engine: String,
    /// Knobs that the agent's configuration asked for by name, with commas; empty for none.
    pub knobs: String,
    /// What an app ships to have this engine; none for the one inside the agent.
    pub library: Option<Bytes>,
    /// fp32 latency over this row's, same model, engine, threads and operating point: 1.8 is 1.8 times as fast as
    /// fp32. Missing with a reason for fp32 rows and where there is no valid partner.
    pub speedup: Figure,
    /// Latency of this row over the base's on the same device with the same threads: 0.5 is half the time. Missing with
    /// a reason without a base.
    pub relative: Figure,
}
