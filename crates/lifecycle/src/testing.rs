//! Random histories of a small farm, and a model of it in memory. The server replays each history on Postgres and must
//! get the same answers and the same snapshot after every step.

use benchrack_protocol::ids::{DeviceId, LeaseId};
use benchrack_protocol::report::Failure;
use benchrack_protocol::runner::FailureReason;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use time::{Duration, OffsetDateTime};

use crate::Refusal;
use crate::device::{self, Device, DeviceEvent, DevicePolicy, DeviceState, SessionEnd};
use crate::job::{self, JobEvent, JobPolicy, JobState, JobStep};

/// Devices of the farm; job `n` is for device `n % DEVICES`.
pub const DEVICES: usize = 3;
/// Jobs of the farm, all queued at the beginning.
pub const JOBS: usize = 7;

/// Detail of every failure with which a lease is given back.
pub const GIVEN_BACK: &str = "given back";

/// One thing that somebody asks of the server. Leases are named by the order in which they were granted, jobs and devices
/// by their position, so that a history holds for any numbering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// A device says that it is there.
    Seen { device: usize },
    /// A device asks for work.
    Claim { device: usize },
    /// A heartbeat under the nth lease granted.
    Heartbeat { lease: usize },
    /// The same, and so many seconds of silence announced.
    Detach { lease: usize, seconds: u32 },
    /// A report under the nth lease granted.
    Report { lease: usize },
    /// The nth lease granted is given back for this reason; the detail is [`GIVEN_BACK`].
    Release { lease: usize, reason: FailureReason },
    /// A person cancels a job.
    Cancel { job: usize },
    /// A person keeps a device out.
    Quarantine { device: usize },
    /// A person lets a device in again.
    Readmit { device: usize },
    /// The server's own regular look at leases and devices.
    Tick,
}

/// A step of a history: when and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Server's clock.
    pub at: OffsetDateTime,
    /// What is asked.
    pub ask: Ask,
}

/// The server's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Work: this job, under the nth lease granted.
    Granted { job: usize, lease: usize },
    /// No work for this device now.
    NoWork,
    /// Done as asked.
    Accepted,
    /// The report was stored before.
    Duplicate,
    /// The lease is not held.
    LeaseLost,
    /// Not possible now.
    Refused,
}

/// The policies of the histories: short, so that everything happens within a few steps.
pub fn policies() -> (JobPolicy, DevicePolicy) {
    let second = Duration::SECOND;
    (
        JobPolicy { lease_time: second * 30, max_attempts: 2, retry_delay: second * 5, longest_detached: second * 60 },
        DevicePolicy { cool_down: second * 4, offline_after: second * 60, quarantine_after: 3 },
    )
}

/// A random history from this seed. Time mostly goes on, now and then it jumps back a little.
pub fn history(seed: u64, steps: usize, start: OffsetDateTime) -> Vec<Step> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut below = move |bound: usize| (rng.next_u32() as usize) % bound;
    let mut at = start;
    let mut granted: usize = 1;
    std::iter::repeat_with(|| {
        at = match below(20) {
            0 => at.saturating_sub(Duration::seconds(3)),
            1 => at.saturating_add(Duration::seconds(40)),
            _ => at.saturating_add(Duration::milliseconds(below(6_000) as i64)),
        };
        let device = below(DEVICES);
        // Mostly the newest lease, sometimes an old one or one that never was.
        let lease = granted.saturating_sub(below(4));
        let ask = match below(24) {
            0 | 1 => Ask::Seen { device },
            2..=7 => {
                granted += 1;
                Ask::Claim { device }
            }
            8 | 9 => Ask::Heartbeat { lease },
            // Some of them longer than the policy allows.
            10 => Ask::Detach { lease, seconds: 10 + below(60) as u32 },
            11..=14 => Ask::Report { lease },
            // One reason of each fault, the device's twice.
            fault @ 15..=18 => Ask::Release {
                lease,
                reason: [
                    FailureReason::OperatingPointImpossible,
                    FailureReason::Stopped,
                    FailureReason::RunnerDied,
                    FailureReason::RunnerHung,
                ][fault - 15],
            },
            19 => Ask::Cancel { job: below(JOBS) },
            20 => Ask::Quarantine { device },
            21 => Ask::Readmit { device },
            _ => Ask::Tick,
        };
        Step { at, ask }
    })
    .take(steps)
    .collect()
}

/// The farm in memory.
#[derive(Debug, Clone)]
pub struct World {
    /// Jobs by position.
    pub jobs: Vec<JobState>,
    /// Devices by position.
    pub devices: Vec<Device>,
    leases: Vec<(usize, usize)>,
    job_policy: JobPolicy,
    device_policy: DevicePolicy,
}

impl World {
    /// All jobs queued, all devices idle.
    pub fn new(now: OffsetDateTime) -> Self {
        let (job_policy, device_policy) = policies();
        Self {
            jobs: vec![JobState::queued(now); JOBS],
            devices: vec![Device::new(now); DEVICES],
            leases: Vec::new(),
            job_policy,
            device_policy,
        }
    }

    /// Words and attempts of all jobs and words and failures of all devices, to compare with another farm.
    pub fn snapshot(&self) -> String {
        let jobs = self.jobs.iter().map(|job| match job {
            JobState::Queued { attempts, .. } | JobState::Leased { attempts, .. } | JobState::Failed { attempts, .. } => {
                format!("{}:{attempts}", job.word())
            }
            JobState::Done { .. } | JobState::Cancelled => job.word().into(),
        });
        let devices = self.devices.iter().map(|device| format!("{}:{}", device.state.word(), device.failures));
        jobs.chain(devices).collect::<Vec<_>>().join(" ")
    }

    /// Job and device of the nth lease granted.
    pub fn lease(&self, nth: usize) -> Option<(usize, usize)> {
        self.leases.get(nth).copied()
    }

    /// One step; the answer is what the server must answer.
    pub fn step(&mut self, step: &Step) -> Answer {
        let now = step.at;
        match step.ask {
            Ask::Seen { device } => self.device(device, &DeviceEvent::Seen, now),
            Ask::Claim { device } => self.claim(device, now),
            Ask::Heartbeat { lease } => self.leased(lease, now, |lease| JobEvent::Heartbeat { lease }, None),
            Ask::Detach { lease, seconds } => {
                let time = Duration::seconds(seconds.into());
                self.leased(lease, now, |lease| JobEvent::Detach { lease, time }, None)
            }
            Ask::Report { lease } => self.leased(lease, now, |lease| JobEvent::Report { lease }, Some(SessionEnd::Reported)),
            Ask::Release { lease, reason } => {
                let failure = Failure { reason, detail: GIVEN_BACK.into() };
                let end = SessionEnd::given_back(&failure);
                self.leased(lease, now, |lease| JobEvent::Release { lease, failure: failure.clone() }, Some(end))
            }
            Ask::Cancel { job } => self.cancel(job, now),
            Ask::Quarantine { device } => self.device(device, &DeviceEvent::Quarantine { reason: "by hand".into() }, now),
            Ask::Readmit { device } => self.device(device, &DeviceEvent::Readmit, now),
            Ask::Tick => self.tick(now),
        }
    }

    fn device(&mut self, nth: usize, event: &DeviceEvent, now: OffsetDateTime) -> Answer {
        match device::apply(&self.devices[nth], event, now, &self.device_policy) {
            Ok(device) => {
                self.devices[nth] = device;
                Answer::Accepted
            }
            Err(Refusal::LeaseLost { .. }) => Answer::LeaseLost,
            Err(Refusal::NotNow { .. }) => Answer::Refused,
        }
    }

    /// Asking for work is a sign of life; the oldest job of this device that may go is given out.
    fn claim(&mut self, nth: usize, now: OffsetDateTime) -> Answer {
        self.device(nth, &DeviceEvent::Seen, now);
        let lease = LeaseId(self.leases.len() as i64);
        let device_event = DeviceEvent::Claim { lease };
        let Ok(claimed) = device::apply(&self.devices[nth], &device_event, now, &self.device_policy) else {
            return Answer::NoWork;
        };
        let event = JobEvent::Claim { lease, device: DeviceId(nth as i64) };
        for job in (nth..JOBS).step_by(DEVICES) {
            if let Ok(JobStep::To(state)) = job::apply(&self.jobs[job], &event, now, &self.job_policy) {
                self.jobs[job] = state;
                self.devices[nth] = claimed;
                self.leases.push((job, nth));
                return Answer::Granted { job, lease: self.leases.len() - 1 };
            }
        }
        Answer::NoWork
    }

    fn leased(
        &mut self,
        nth: usize,
        now: OffsetDateTime,
        event: impl Fn(LeaseId) -> JobEvent,
        end: Option<SessionEnd>,
    ) -> Answer {
        let Some((job, device)) = self.lease(nth) else { return Answer::LeaseLost };
        let lease = LeaseId(nth as i64);
        match job::apply(&self.jobs[job], &event(lease), now, &self.job_policy) {
            Ok(JobStep::Duplicate) => Answer::Duplicate,
            Ok(JobStep::To(state)) => {
                self.jobs[job] = state;
                self.device(device, &DeviceEvent::Seen, now);
                if let Some(end) = end {
                    self.device(device, &DeviceEvent::Finish { lease, end }, now);
                }
                Answer::Accepted
            }
            Err(Refusal::LeaseLost { .. }) => Answer::LeaseLost,
            Err(Refusal::NotNow { .. }) => Answer::Refused,
        }
    }

    fn cancel(&mut self, nth: usize, now: OffsetDateTime) -> Answer {
        let held = match &self.jobs[nth] {
            JobState::Leased { hold, .. } => Some((hold.device, hold.lease)),
            _ => None,
        };
        match job::apply(&self.jobs[nth], &JobEvent::Cancel, now, &self.job_policy) {
            Ok(JobStep::To(state)) => {
                self.jobs[nth] = state;
                if let Some((device, lease)) = held {
                    self.device(device.0 as usize, &DeviceEvent::Finish { lease, end: SessionEnd::Cancelled }, now);
                }
                Answer::Accepted
            }
            _ => Answer::Refused,
        }
    }

    /// Leases first, so that a device whose lease ran out is then looked at as one without.
    fn tick(&mut self, now: OffsetDateTime) -> Answer {
        for nth in 0..JOBS {
            let JobState::Leased { hold, .. } = &self.jobs[nth] else { continue };
            let (device, lease) = (hold.device.0 as usize, hold.lease);
            if let Ok(JobStep::To(state)) = job::apply(&self.jobs[nth], &JobEvent::Expire, now, &self.job_policy) {
                self.jobs[nth] = state;
                let end = SessionEnd::Failed { reason: "the agent fell silent".into() };
                self.device(device, &DeviceEvent::Finish { lease, end }, now);
            }
        }
        for nth in 0..DEVICES {
            self.device(nth, &DeviceEvent::Tick, now);
        }
        Answer::Accepted
    }

    /// What must hold at every moment; says what does not.
    pub fn check(&self) -> Result<(), String> {
        for (nth, device) in self.devices.iter().enumerate() {
            let working: Vec<_> = self
                .jobs
                .iter()
                .filter_map(|job| match job {
                    JobState::Leased { hold, .. } if hold.device.0 == nth as i64 => Some(hold.lease),
                    _ => None,
                })
                .collect();
            if working.len() > 1 {
                return Err(format!("device {nth} has {} leases", working.len()));
            }
            let lease = match &device.state {
                DeviceState::Leased { lease } => Some(*lease),
                DeviceState::Quarantined { lease, .. } => *lease,
                _ => None,
            };
            if working != lease.as_slice() {
                return Err(format!("device {nth} is {:?}, its jobs are leased under {working:?}", device.state));
            }
        }
        for job in &self.jobs {
            let attempts = match job {
                JobState::Queued { attempts, .. } | JobState::Leased { attempts, .. } | JobState::Failed { attempts, .. } => {
                    *attempts
                }
                JobState::Done { .. } | JobState::Cancelled => 0,
            };
            if attempts > self.job_policy.max_attempts {
                return Err(format!("a job was given out {attempts} times"));
            }
        }
        Ok(())
    }
}
