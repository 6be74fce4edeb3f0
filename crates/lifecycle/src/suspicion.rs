//! A suspicion: raised by a series, confirmed or cleared by a gate, then searched for its revision.

use std::fmt;

use benchrack_protocol::api::Verdict;
use benchrack_protocol::ids::GateId;
use serde::{Deserialize, Serialize};

use crate::Refusal;

/// A comparison that ends inconclusive is made so often before the question stays open.
pub const ATTEMPTS: u32 = 3;

/// State of a suspicion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SuspicionState {
    /// The series looks as if it got worse.
    Raised {
        /// Gates that were inconclusive.
        attempts: u32,
    },
    /// The two revisions are being compared.
    Confirming {
        /// By this gate.
        gate: GateId,
        /// Gates before it that were inconclusive.
        attempts: u32,
    },
    /// It is slower, and several revisions may be to blame.
    Searching {
        /// The gate that confirmed it.
        confirmed_by: GateId,
        /// The gate that compares one of them now; none between two.
        gate: Option<GateId>,
    },
    /// It is slower, and it is known where.
    Confirmed {
        /// The gate that confirmed it.
        by: GateId,
    },
    /// It is not slower.
    Cleared {
        /// The gate that says so.
        by: GateId,
    },
    /// It could not be found out.
    Undecided {
        /// Why not.
        reason: String,
    },
}

/// What happens to a suspicion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SuspicionEvent {
    /// A gate was opened for it.
    Opened {
        /// The gate.
        gate: GateId,
    },
    /// Its gate has a verdict.
    Answered {
        /// The gate.
        gate: GateId,
        /// What it says.
        verdict: Verdict,
        /// Revisions that may be to blame once the answer is taken in: at least 1.
        suspects: usize,
    },
    /// No comparison says more.
    Ended,
    /// It cannot be found out.
    Failed {
        /// Why not.
        reason: String,
    },
}

impl SuspicionState {
    /// The word for people and for the database.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Raised { .. } => "raised",
            Self::Confirming { .. } => "confirming",
            Self::Searching { .. } => "searching",
            Self::Confirmed { .. } => "confirmed",
            Self::Cleared { .. } => "cleared",
            Self::Undecided { .. } => "undecided",
        }
    }

    /// Whether nothing will change any more.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Confirmed { .. } | Self::Cleared { .. } | Self::Undecided { .. })
    }
}

impl fmt::Display for SuspicionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the suspicion is {}", self.word())
    }
}

impl fmt::Display for SuspicionEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { gate } => write!(f, "gate {gate}"),
            Self::Answered { gate, verdict, .. } => write!(f, "gate {gate} saying {verdict}"),
            Self::Ended => f.write_str("the end of the search"),
            Self::Failed { .. } => f.write_str("a failure"),
        }
    }
}

/// The suspicion after the event.
///
/// # Errors
/// [`Refusal::NotNow`] when the state does not allow it: another gate's verdict, a second gate beside an open one,
/// anything after the end.
pub fn apply(state: &SuspicionState, event: &SuspicionEvent) -> Result<SuspicionState, Refusal> {
    use SuspicionEvent::{Answered, Ended, Failed, Opened};
    use SuspicionState::{Cleared, Confirmed, Confirming, Raised, Searching, Undecided};
    match (state, event) {
        (Raised { attempts }, Opened { gate }) => Ok(Confirming { gate: *gate, attempts: *attempts }),
        (Confirming { gate: open, attempts }, Answered { gate, verdict, suspects }) if open == gate => Ok(match verdict {
            Verdict::Slower if *suspects > 1 => Searching { confirmed_by: *gate, gate: None },
            Verdict::Slower => Confirmed { by: *gate },
            Verdict::NotSlower => Cleared { by: *gate },
            Verdict::Inconclusive if attempts + 1 < ATTEMPTS => Raised { attempts: attempts + 1 },
            Verdict::WrongOutputs | Verdict::OverBudget => Undecided { reason: format!("gate {gate} says {verdict}") },
            Verdict::Inconclusive => Undecided { reason: format!("{ATTEMPTS} gates are inconclusive, the last is {gate}") },
        }),
        (Searching { confirmed_by, gate: None }, Opened { gate }) => {
            Ok(Searching { confirmed_by: *confirmed_by, gate: Some(*gate) })
        }
        (Searching { confirmed_by, gate: Some(open) }, Answered { gate, suspects, .. }) if open == gate => Ok(if *suspects > 1 {
            Searching { confirmed_by: *confirmed_by, gate: None }
        } else {
            Confirmed { by: *confirmed_by }
        }),
        // What was confirmed stays so, whatever becomes of the search.
        (Searching { confirmed_by, .. }, Ended | Failed { .. }) => Ok(Confirmed { by: *confirmed_by }),
        (Raised { .. } | Confirming { .. }, Failed { reason }) => Ok(Undecided { reason: reason.clone() }),
        (state, event) => Err(Refusal::not_now(state, event)),
    }
}
