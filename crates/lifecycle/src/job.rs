//! A job: queued, leased to one device, done, failed or cancelled.

use std::fmt;

use benchrack_protocol::api::Heartbeat;
use benchrack_protocol::ids::{DeviceId, LeaseId};
use benchrack_protocol::report::Failure;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::fault::{self, Fault};
use crate::{Refusal, later};

/// [`Heartbeat::RETURNS_WITHIN`], for the machine's arithmetic.
const RETURNS_WITHIN: Duration = Duration::seconds(Heartbeat::RETURNS_WITHIN.as_secs() as i64);

/// Bounds that an operator sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPolicy {
    /// A lease lives so long after its claim or last heartbeat.
    pub lease_time: Duration,
    /// A job is given out so many times before it counts as failed; at least 1.
    pub max_attempts: u32,
    /// A job that came back waits so long before it is given out again.
    pub retry_delay: Duration,
    /// Longest silence that an agent may announce.
    pub longest_detached: Duration,
}

impl Default for JobPolicy {
    /// A minute without a heartbeat, an hour where it was announced; three attempts, five seconds apart.
    fn default() -> Self {
        Self {
            lease_time: Duration::minutes(1),
            max_attempts: 3,
            retry_delay: Duration::seconds(5),
            longest_detached: Duration::hours(1),
        }
    }
}

/// Who works on a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The lease.
    pub lease: LeaseId,
    /// The device.
    pub device: DeviceId,
    /// At this moment it is over.
    pub expires_at: OffsetDateTime,
}

/// State of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum JobState {
    /// Waits for its device.
    Queued {
        /// Times it was given out before.
        attempts: u32,
        /// Not given out before this.
        not_before: OffsetDateTime,
    },
    /// Given out.
    Leased {
        /// Times it was given out, this one included.
        attempts: u32,
        /// To whom.
        hold: Hold,
    },
    /// Its report is stored.
    Done {
        /// The lease that reported.
        lease: LeaseId,
    },
    /// Given out too often, or never to succeed.
    Failed {
        /// Times it was given out.
        attempts: u32,
        /// What the last attempt died of.
        reason: String,
    },
    /// Nobody wants it any more.
    Cancelled,
}

/// What happens to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEvent {
    /// A device takes it.
    Claim {
        /// The new lease.
        lease: LeaseId,
        /// The device.
        device: DeviceId,
    },
    /// The agent is still at work.
    Heartbeat {
        /// Under this lease.
        lease: LeaseId,
    },
    /// The agent is still at work, and may be silent from now on.
    Detach {
        /// Under this lease.
        lease: LeaseId,
        /// For so long.
        time: Duration,
    },
    /// The agent delivers the result.
    Report {
        /// Under this lease.
        lease: LeaseId,
    },
    /// The agent gives the job back; [`SessionEnd::given_back`](crate::device::SessionEnd::given_back) is its device's side.
    Release {
        /// Under this lease.
        lease: LeaseId,
        /// Why; [`fault::of`] says whether it is worth another attempt.
        failure: Failure,
    },
    /// The server looks whether the lease is over.
    Expire,
    /// Nobody wants it any more.
    Cancel,
}

/// What an accepted event does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobStep {
    /// The state to store.
    To(JobState),
    /// This report is stored already: nothing to do, and no error.
    Duplicate,
}

impl JobState {
    /// A new job.
    pub fn queued(now: OffsetDateTime) -> Self {
        Self::Queued { attempts: 0, not_before: now }
    }

    /// The word for people and for the database.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Leased { .. } => "leased",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing will change any more.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Failed { .. } | Self::Cancelled)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queued { attempts, not_before } => {
                write!(f, "the job is queued after {attempts} attempts, not to be given out before {not_before}")
            }
            Self::Leased { hold: Hold { lease, device, expires_at }, .. } => {
                write!(f, "the job is leased under lease {lease} to device {device} until {expires_at}")
            }
            Self::Done { lease } => write!(f, "the job is done under lease {lease}"),
            Self::Failed { attempts, reason } => write!(f, "the job failed after {attempts} attempts: {reason}"),
            Self::Cancelled => f.write_str("the job is cancelled"),
        }
    }
}

impl fmt::Display for JobEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim { lease, device } => write!(f, "a claim by device {device} under lease {lease}"),
            Self::Heartbeat { lease } => write!(f, "a heartbeat under lease {lease}"),
            Self::Detach { lease, time } => write!(f, "announcing {} s of silence under lease {lease}", time.whole_seconds()),
            Self::Report { lease } => write!(f, "a report under lease {lease}"),
            Self::Release { lease, .. } => write!(f, "giving back lease {lease}"),
            Self::Expire => f.write_str("the end of the lease"),
            Self::Cancel => f.write_str("cancelling"),
        }
    }
}

/// The state after the event.
///
/// A lease is over from `expires_at` on, whether or not [`JobEvent::Expire`] has come by: a late agent is refused alike.
///
/// # Errors
/// [`Refusal::LeaseLost`] when a heartbeat, announcement, report or release comes from a lease that is not held;
/// [`Refusal::NotNow`] for everything else that the state or the policy does not allow.
pub fn apply(state: &JobState, event: &JobEvent, now: OffsetDateTime, policy: &JobPolicy) -> Result<JobStep, Refusal> {
    match (state, event) {
        (JobState::Queued { attempts, not_before }, JobEvent::Claim { lease, device }) if now >= *not_before => {
            let hold = Hold { lease: *lease, device: *device, expires_at: later(now, policy.lease_time) };
            Ok(JobStep::To(JobState::Leased { attempts: attempts.saturating_add(1), hold }))
        }
        (JobState::Leased { attempts, hold }, JobEvent::Heartbeat { lease }) if held(hold, *lease, now) => {
            let hold = Hold { expires_at: later(now, policy.lease_time).max(hold.expires_at), ..*hold };
            Ok(JobStep::To(JobState::Leased { attempts: *attempts, hold }))
        }
        (JobState::Leased { attempts, hold }, JobEvent::Detach { lease, time }) if held(hold, *lease, now) => {
            if *time > policy.longest_detached {
                return Err(Refusal::not_now(state, event));
            }
            let silent = later(later(now, *time), RETURNS_WITHIN);
            let hold = Hold { expires_at: later(silent, policy.lease_time).max(hold.expires_at), ..*hold };
            Ok(JobStep::To(JobState::Leased { attempts: *attempts, hold }))
        }
        (JobState::Leased { hold, .. }, JobEvent::Report { lease }) if held(hold, *lease, now) => {
            Ok(JobStep::To(JobState::Done { lease: *lease }))
        }
        (JobState::Done { lease: reported }, JobEvent::Report { lease }) if reported == lease => Ok(JobStep::Duplicate),
        (JobState::Leased { attempts, hold }, JobEvent::Release { lease, failure }) if held(hold, *lease, now) => {
            let (attempts, reason) = (*attempts, failure.detail.clone());
            Ok(JobStep::To(match fault::of(failure.reason) {
                Fault::Request => JobState::Failed { attempts, reason },
                Fault::Moment | Fault::Device => again(attempts, reason, now, policy),
            }))
        }
        (_, JobEvent::Heartbeat { .. } | JobEvent::Detach { .. } | JobEvent::Report { .. } | JobEvent::Release { .. }) => {
            Err(Refusal::lease_lost(state, event))
        }
        (JobState::Leased { attempts, hold }, JobEvent::Expire) if now >= hold.expires_at => {
            Ok(JobStep::To(again(*attempts, "the agent fell silent".into(), now, policy)))
        }
        (JobState::Queued { .. } | JobState::Leased { .. }, JobEvent::Cancel) => Ok(JobStep::To(JobState::Cancelled)),
        (_, JobEvent::Claim { .. } | JobEvent::Expire | JobEvent::Cancel) => Err(Refusal::not_now(state, event)),
    }
}

fn held(hold: &Hold, lease: LeaseId, now: OffsetDateTime) -> bool {
    hold.lease == lease && now < hold.expires_at
}

/// Back into the queue, or failed when that was the last attempt.
fn again(attempts: u32, reason: String, now: OffsetDateTime, policy: &JobPolicy) -> JobState {
    if attempts >= policy.max_attempts {
        JobState::Failed { attempts, reason }
    } else {
        JobState::Queued { attempts, not_before: later(now, policy.retry_delay) }
    }
}
