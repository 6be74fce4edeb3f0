//! What a page shows, as data. The server fills these structs from its database; everything else in this crate turns
//! them into HTML, SVG and CSV. They are also the JSON form of each page.
//!
//! Rules for whoever fills them:
//! - A figure that does not exist is [`Reading::Missing`] with its reason, never zero; pages show "–" and the reason.
//! - Units are those of [`benchrack_protocol::api::Metric::unit`]: nanoseconds and bytes. Ratios are candidate over base: 0.5 is half the time.
//! - Judgements (summaries, ratios, speed-ups, validity, verdicts) come ready-made, with 95 % intervals unless said
//!   otherwise. Pages choose the smallest of given figures, and compute nothing else.
//! - Names are shown as they are, escaped. Nothing here needs to be safe HTML.
//! - Lists are in the order to show.

mod access;
mod alert;
mod compare;
mod device;
mod dimension;
mod engine;
mod gate;
mod home;
mod model;
mod operating;
mod run;
mod search;
mod series;
mod session;
mod study;

pub use access::*;
pub use alert::*;
use benchrack_protocol::api::{Estimate, Run};
use benchrack_protocol::device::Reality;
use benchrack_protocol::ids::DeviceId;
use benchrack_protocol::reading::Reading;
pub use compare::*;
pub use device::*;
pub use dimension::*;
pub use engine::*;
pub use gate::*;
pub use home::*;
pub use model::*;
pub use operating::*;
pub use run::*;
pub use search::*;
use serde::Serialize;
pub use series::*;
pub use session::*;
pub use study::*;

/// A figure with its 95 % interval in its metric's unit, or why there is none.
pub type Figure = Reading<Estimate>;

/// A device where it is named on another page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviceRef {
    /// Id, for the link.
    pub id: DeviceId,
    /// Unique name.
    pub name: String,
    /// Maker and model, or system and CPU.
    pub title: String,
    /// Whether its figures are real.
    pub reality: Reality,
}

/// A list of runs, newest first, with a way to the older ones.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct RunList {
    /// Newest first; at most a few hundred.
    pub runs: Vec<Run>,
    /// Address (path and query) of the next older part; none at the end.
    pub older: Option<String>,
}
