//! A gate as a person asks it: its subjects, how it is measured, and what is printed.

pub mod local;
pub mod print;
pub mod subject;

use benchrack_protocol::api::GateOutcome;

/// A gate that was measured.
#[derive(Debug)]
pub struct Answer {
    /// Its verdict.
    pub outcome: GateOutcome,
    /// Everything the verdict rests on, as [`benchrack_protocol::receipt`] describes; none when nobody asked for it.
    pub receipt: Option<String>,
}
