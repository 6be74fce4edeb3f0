//! Postgres against the pure model: the same random histories must give the same answers and the same states.

use benchrack_lifecycle::testing::{Answer, Ask, DEVICES, GIVEN_BACK, JOBS, Step, World, history, policies};
use benchrack_protocol::api::{Claim, Heartbeat, JobStatus, Lease, NewSubmission, Release};
use benchrack_protocol::ids::{DeviceId, JobId, LeaseId, SubmissionId};
use benchrack_protocol::model::Precision;
use benchrack_protocol::problem::ProblemCode;
use benchrack_protocol::report::Failure;
use benchrack_protocol::units::Nanos;
use benchrack_server::app::{Caller, Order};
use benchrack_server::{Refusal, SecretHash};
use sqlx::Row;

use crate::farm::{Farm, Options, START, with_options};
use crate::sample::{registration, report, suite, unsigned};

const HISTORIES: u64 = 12;
const STEPS: usize = 150;

#[tokio::test]
async fn histories_on_postgres_are_those_of_the_state_machines() {
    for seed in 0..HISTORIES {
        with_options(Options { policies: policies(), ..Options::default() }, async |farm| {
            let mut replay = Replay::new(farm).await;
            let mut world = World::new(START);
            for (nth, step) in history(seed, STEPS, START).iter().enumerate() {
                farm.set_time(step.at);
                let expected = world.step(step);
                let answer = replay.step(step).await;
                let at = format!("history {seed}, step {nth}: {:?}", step.ask);
                assert_eq!(answer, expected, "{at}");
                assert_eq!(replay.snapshot().await, world.snapshot(), "{at}");
                world.check().unwrap();
            }
        })
        .await;
    }
}

struct Replay<'a> {
    farm: &'a Farm,
    devices: Vec<DeviceId>,
    jobs: Vec<(SubmissionId, JobId)>,
    leases: Vec<(Lease, usize)>,
}

impl<'a> Replay<'a> {
    /// The devices and jobs of the model; each job is a submission of its own, so that it can be cancelled alone.
    async fn new(farm: &'a Farm) -> Self {
        let mut devices = Vec::new();
        for nth in 0..DEVICES {
            devices.push(farm.register(&format!("d{nth}")).await.id);
        }
        farm.add_model("enet", Precision::Fp32).await;
        let caller = Caller { scope: benchrack_protocol::api::Scope::Submit, token: None, name: None };
        let mut jobs = Vec::new();
        for nth in 0..JOBS {
            let new = NewSubmission { suite: suite(&["enet"]), devices: format!("key=d{}", nth % DEVICES) };
            let submission = farm.app.submit(&new, &caller).await.unwrap();
            jobs.push((submission.id, submission.jobs[0].id));
        }
        Self { farm, devices, jobs, leases: Vec::new() }
    }

    async fn step(&mut self, step: &Step) -> Answer {
        let app = &self.farm.app;
        match step.ask {
            Ask::Seen { device } => {
                let key = format!("d{device}");
                answer(app.register(&key, &registration(&key)).await)
            }
            Ask::Claim { device } => {
                let claim = Claim { device: self.devices[device], wait: Nanos(0) };
                match app.claim(&claim).await.unwrap() {
                    None => Answer::NoWork,
                    Some(lease) => {
                        let job = self.jobs.iter().position(|(_, job)| *job == lease.job).unwrap();
                        self.leases.push((lease, device));
                        Answer::Granted { job, lease: self.leases.len() - 1 }
                    }
                }
            }
            Ask::Heartbeat { lease } => {
                let (id, secret, _) = self.lease(lease);
                answer(app.heartbeat(id, &secret, &Heartbeat::of("on", 1, 2)).await)
            }
            Ask::Detach { lease, seconds } => {
                let (id, secret, _) = self.lease(lease);
                let beat = Heartbeat { detached_for_s: Some(seconds), ..Heartbeat::of("on", 1, 2) };
                answer(app.heartbeat(id, &secret, &beat).await)
            }
            Ask::Report { lease } => {
                let (id, secret, device) = self.lease(lease);
                let spec = self.leases.first().map(|(lease, _)| lease.session.clone());
                let Some(spec) = spec else { return Answer::LeaseLost };
                let sent = report(lease as u128, &format!("d{device}"), &spec, |_| Some(1_000_000));
                match app.report(id, &secret, unsigned(sent)).await {
                    Ok(reported) if reported.duplicate => Answer::Duplicate,
                    other => answer(other),
                }
            }
            Ask::Release { lease, reason } => {
                let (id, secret, _) = self.lease(lease);
                let failure = Failure { reason, detail: GIVEN_BACK.into() };
                answer(app.release(id, &secret, &Release { failure }).await)
            }
            Ask::Cancel { job } => {
                let (submission, job) = self.jobs[job];
                let state = async || -> JobStatus {
                    let jobs = app.submission(submission).await.unwrap().jobs;
                    jobs.into_iter().find(|status| status.id == job).unwrap()
                };
                let was_open = matches!(state().await.state.as_str(), "queued" | "leased");
                app.cancel(submission, true).await.unwrap();
                if was_open { Answer::Accepted } else { Answer::Refused }
            }
            Ask::Quarantine { device } => answer(app.order(self.devices[device], Order::Quarantine("by hand".into())).await),
            Ask::Readmit { device } => answer(app.order(self.devices[device], Order::Readmit).await),
            Ask::Tick => answer(app.tick(step.at).await),
        }
    }

    /// Id, secret and device of the nth lease granted; one that never was has no holder.
    fn lease(&self, nth: usize) -> (LeaseId, SecretHash, usize) {
        match self.leases.get(nth) {
            Some((lease, device)) => (lease.id, SecretHash::of(&lease.secret), *device),
            None => (LeaseId(i64::MAX), SecretHash::of("nobody's"), 0),
        }
    }

    async fn snapshot(&self) -> String {
        let rows = sqlx::raw_sql("select state, attempts from jobs order by id").fetch_all(&self.farm.pool).await.unwrap();
        let jobs = rows.iter().map(|row| match row.get::<&str, _>(0) {
            state @ ("done" | "cancelled") => state.to_owned(),
            state => format!("{state}:{}", row.get::<i32, _>(1)),
        });
        let rows = sqlx::raw_sql("select state, failures from devices order by id").fetch_all(&self.farm.pool).await.unwrap();
        let devices = rows.iter().map(|row| format!("{}:{}", row.get::<&str, _>(0), row.get::<i32, _>(1)));
        jobs.chain(devices).collect::<Vec<_>>().join(" ")
    }
}

fn answer<T>(result: Result<T, Refusal>) -> Answer {
    match result {
        Ok(_) => Answer::Accepted,
        Err(refusal) if refusal.code == ProblemCode::LeaseLost => Answer::LeaseLost,
        Err(refusal) if refusal.code == ProblemCode::Conflict => Answer::Refused,
        Err(refusal) => panic!("{refusal:?}"),
    }
}
