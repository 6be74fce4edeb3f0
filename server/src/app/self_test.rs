//! The farm tests itself: unchanged subjects against themselves, and models with a little more work than others.

use benchrack_protocol::alert::SelfTest;
use benchrack_protocol::api::{Device, Metric, Model};
use benchrack_protocol::engine::EngineRef;
use benchrack_protocol::session::{OperatingPoint, Subject};
use time::{Duration, OffsetDateTime};

use super::App;
use super::suspicions::OwnGate;
use crate::config::SelfTestPair;
use crate::db;
use crate::db::self_tests::Pair;
use crate::judge;
use crate::refusal::Refusal;

/// After everything else.
const PRIORITY: i32 = -10;

impl App {
    /// Opens the gates that are due on devices that have nothing to do.
    pub(super) async fn test_itself(&self, now: OffsetDateTime) -> Result<usize, Refusal> {
        let config = &self.series_config().self_test;
        if config.every_hours == 0 || config.pairs.is_empty() {
            return Ok(0);
        }
        let models = db::models::newest(self.db()).await?;
        let idle: Vec<Device> = db::devices::list(self.db()).await?.into_iter().filter(|device| device.state == "idle").collect();
        let mut opened = 0;
        for pair in &config.pairs {
            let Some((baseline, candidate, more_macs)) = subjects(pair, &models) else { continue };
            for device in &idle {
                let measured = Pair { device: device.id, baseline: &pair.baseline, candidate: &pair.candidate, more_macs };
                let mut tx = self.db().begin().await?;
                let last = db::self_tests::last(&mut tx, &measured).await?;
                if last.is_some_and(|last| now < last.saturating_add(Duration::hours(config.every_hours.into()))) {
                    continue;
                }
                let own = OwnGate {
                    baseline: baseline.clone(),
                    candidate: candidate.clone(),
                    operating_point: OperatingPoint::default(),
                    metric: Metric::Latency,
                    priority: PRIORITY,
                    tolerance: None,
                };
                let gate = self.open_own_gate(&mut tx, device, own, now).await?;
                db::self_tests::insert(&mut tx, gate, &measured, now).await?;
                tx.commit().await?;
                opened += 1;
            }
        }
        Ok(opened)
    }

    /// What the farm knows of itself.
    ///
    /// # Errors
    /// Only when the database does not do as asked.
    pub async fn self_test(&self) -> Result<SelfTest, Refusal> {
        let (unchanged, planted): (Vec<_>, Vec<_>) =
            db::self_tests::counts(self.db(), None).await?.into_iter().partition(|pair| pair.baseline == pair.candidate);
        Ok(judge::self_test(unchanged, planted))
    }
}

/// Both sides of a pair and how many multiplications the candidate has more, as a share. None while the farm has no such
/// models; a candidate with less work plants nothing.
fn subjects(pair: &SelfTestPair, models: &[Model]) -> Option<(Subject, Subject, f64)> {
    let manifest = |name: &str| {
        let found = models.iter().find(|model| model.manifest.name == name && model.manifest.precision == pair.precision);
        if found.is_none() {
            tracing::debug!(model = name, "a model of the self-test is not here");
        }
        found.map(|model| model.manifest.clone())
    };
    let (baseline, candidate) = (manifest(&pair.baseline)?, manifest(&pair.candidate)?);
    let more_macs = if pair.baseline == pair.candidate {
        0.0
    } else {
        candidate.macs? as f64 / baseline.macs.filter(|macs| *macs > 0)? as f64 - 1.0
    };
    if more_macs < 0.0 {
        tracing::warn!(baseline = pair.baseline, candidate = pair.candidate, "the candidate of a self-test has less work");
        return None;
    }
    let subject = |label: &str, manifest| Subject { label: label.into(), manifest, engine: EngineRef::built_in(), threads: 1 };
    Some((subject("baseline", baseline), subject("candidate", candidate), more_macs))
}
