//! Whose fault is a failure? It decides whether a job is tried again and whether its device is suspected.

use benchrack_protocol::runner::FailureReason;

/// Where to look for the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// What was asked cannot be done on this device, now or later: trying again is pointless.
    Request,
    /// Something passed by, such as an agent that was stopped: try again, suspect nobody.
    Moment,
    /// The device did not do what it can do: try again, and quarantine it when this repeats.
    Device,
}

/// The fault behind a reason.
pub fn of(reason: FailureReason) -> Fault {
    match reason {
        FailureReason::NotAModel
        | FailureReason::UnsupportedOperator
        | FailureReason::RefusedByEngine
        | FailureReason::EngineMissing
        | FailureReason::Unsupported
        | FailureReason::OperatingPointImpossible => Fault::Request,
        FailureReason::ArtifactUnavailable | FailureReason::Stopped => Fault::Moment,
        // A device that gets this hot again and again is not well.
        FailureReason::InferenceFailed
        | FailureReason::RunnerDied
        | FailureReason::RunnerHung
        | FailureReason::ProtocolViolated
        | FailureReason::CutOff => Fault::Device,
    }
}
