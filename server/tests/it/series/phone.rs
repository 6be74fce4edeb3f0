//! A phone whose latencies are known: it measures whatever the farm asks of it.

use std::cell::Cell;
use std::collections::HashMap;

use benchrack_protocol::alert::Alert;
use benchrack_protocol::api::{Device, Lease, Model, Reported};
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::model::Precision;
use benchrack_protocol::report::{Block, FreshRunner, Measurement, RunReport};
use benchrack_protocol::suite::Suite;
use benchrack_protocol::units::Bytes;
use time::Duration;

use crate::farm::Farm;
use crate::sample::{report, suite};

pub const MODEL: &str = "enet";
const MS: f64 = 1e6;

/// A runner for each of its blocks, all alike.
fn fresh_runners(run: &Measurement) -> Vec<FreshRunner> {
    let (load, first_inference) = (run.load, run.first_inference);
    let runner =
        |block: &Block| FreshRunner { round: block.round, load, first_inference, frames: Vec::new(), memory: Some(run.memory) };
    run.blocks.iter().map(runner).collect()
}

/// One device, and the true latency of every file in ms.
pub struct Phone<'a> {
    pub farm: &'a Farm,
    pub device: Device,
    truth: HashMap<ArtifactId, f64>,
    /// Peak memory of those files that do not take what the others do, MB.
    memory: HashMap<ArtifactId, u64>,
    /// What the whole phone is slower by.
    pub slowness: f64,
    /// Its agent's version.
    pub agent: &'static str,
    /// Its system's fingerprint.
    pub system: &'static str,
    /// Knobs that its configuration asks for.
    pub knobs: Vec<String>,
    sessions: Cell<u32>,
}

impl<'a> Phone<'a> {
    pub async fn new(farm: &'a Farm) -> Self {
        Self::named(farm, "one").await
    }

    pub async fn named(farm: &'a Farm, key: &str) -> Self {
        Self {
            farm,
            device: farm.register(key).await,
            truth: HashMap::new(),
            memory: HashMap::new(),
            slowness: 1.0,
            agent: "0.1.0",
            system: "maker/phone:14/1",
            knobs: Vec::new(),
            sessions: Cell::new(0),
        }
    }

    /// A model of the farm truly takes so long here.
    pub fn takes(&mut self, model: &Model, ms: f64) {
        self.truth.insert(model.manifest.artifact, ms);
    }

    /// A model of the farm truly takes so many MB.
    pub fn fills(&mut self, model: &Model, megabytes: u64) {
        self.memory.insert(model.manifest.artifact, megabytes);
    }

    /// Adds a revision of a model that truly takes so long.
    pub async fn add(&mut self, name: &str, revision: &str, ms: f64) -> Model {
        // Of one length, so that only the latency differs.
        let bytes = format!("{name} {revision:>8}").into_bytes();
        self.add_file(name, revision, &bytes, ms).await
    }

    /// The same with a file of one's own.
    pub async fn add_file(&mut self, name: &str, revision: &str, bytes: &[u8], ms: f64) -> Model {
        self.farm.pass(Duration::minutes(1));
        self.truth.insert(ArtifactId::of(bytes), ms);
        self.farm.add_revision(name, Precision::Fp32, bytes, revision).await
    }

    /// Has the newest revision measured by a suite, and everything that comes of it.
    pub async fn measure(&self) {
        self.submit().await;
        self.work_off().await;
    }

    /// Has the newest revision measured on all devices.
    pub async fn submit(&self) {
        self.farm.submit(Suite { precisions: vec![Precision::Fp32], ..suite(&[MODEL]) }).await;
    }

    /// Begins to measure the newest revision.
    pub async fn claim_next(&self) -> Lease {
        self.submit().await;
        self.farm.claim(self.device.id).await.unwrap()
    }

    /// Measures the newest revision, slower by this factor than it is; nobody looks at it yet.
    pub async fn report_next(&self, factor: f64) {
        let lease = self.claim_next().await;
        assert!(lease.session.subjects.iter().all(|subject| subject.label != "candidate"), "a gate is first");
        self.answer(&lease, factor).await;
        self.farm.pass(Duration::seconds(20));
    }

    /// Adds a revision and has it measured.
    pub async fn revision(&mut self, revision: &str, ms: f64) {
        self.add(MODEL, revision, ms).await;
        self.measure().await;
    }

    /// Works until there is nothing more to do; the server looks after its house in between.
    pub async fn work_off(&self) {
        self.farm.app.tick(self.farm.now()).await.unwrap();
        while let Some(lease) = self.farm.claim(self.device.id).await {
            self.answer(&lease, 1.0).await;
            self.farm.pass(Duration::seconds(20));
            self.farm.app.tick(self.farm.now()).await.unwrap();
        }
    }

    /// Reports a session: the true latencies, with one per cent of scatter from session to session.
    pub async fn answer(&self, lease: &Lease, factor: f64) {
        let nth = self.sessions.get() + 1;
        self.sessions.set(nth);
        let scatter = 1.0 + 0.01 * (f64::from(nth * 7919 % 101) / 50.0 - 1.0);
        let slowness = self.slowness * scatter * factor;
        let subjects = &lease.session.subjects;
        let latency = |place: usize| {
            let ms = self.truth[&subjects[place].manifest.artifact];
            Some((ms * MS * slowness) as u64)
        };
        let id = u128::from(nth) + 1_000_000 * u128::try_from(self.device.id.0).unwrap();
        let mut sent = report(id, &self.device.key, &lease.session, latency);
        for (run, subject) in sent.runs.iter_mut().zip(subjects) {
            let RunReport::Measured(measured) = run else { continue };
            if let Some(megabytes) = self.memory.get(&subject.manifest.artifact) {
                measured.memory.peak_rss = Some(Bytes(megabytes * 1_000_000));
            }
            if lease.session.plan.fresh_runners {
                measured.fresh_runners = fresh_runners(measured);
            }
        }
        (sent.agent.version, sent.os_fingerprint) = (self.agent.into(), self.system.into());
        if let Some(evidence) = &mut sent.evidence {
            evidence.asked_knobs.clone_from(&self.knobs);
        }
        self.farm.leased(lease, "report").json(&sent).send().await.ok::<Reported>();
    }

    pub async fn alerts(&self) -> Vec<Alert> {
        self.farm.get("/api/v1/alerts").await
    }

    /// How often the farm wrote this on a series.
    pub async fn marks(&self, kind: &str) -> i64 {
        self.farm.scalar(&format!("select count(*) from series_marks where kind = '{kind}'")).await
    }
}
