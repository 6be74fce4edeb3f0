//! Suspicions: the two builds are measured again side by side, the gate decides, and the revisions between are searched.

use benchrack_lifecycle::suspicion::{self, SuspicionEvent, SuspicionState};
use benchrack_protocol::api::{Device, Estimate, GateRules, GateSubject, Metric, MetricRule, NewGate, Verdict};
use benchrack_protocol::ids::{ArtifactId, GateId};
use benchrack_protocol::problem::ProblemCode;
use benchrack_protocol::session::{BlockOrder, GATE_TURNS, MeasurePlan, OperatingPoint, Subject};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::App;
use super::engines::Host;
use super::gates::Asked;
use super::work::refused;
use crate::db;
use crate::db::alerts::NewFinding;
use crate::db::jobs::Origin;
use crate::db::suspicions::{LockedSuspicion, Measured};
use crate::db::watches::MarkKind;
use crate::judge::culprit::Culprits;
use crate::refusal::Refusal;

/// Before suites, which can wait, and after the gates that people wait for.
const CONFIRM_PRIORITY: i32 = 5;
/// A search between revisions: after everything that somebody asked for.
const SEARCH_PRIORITY: i32 = -5;

/// Chance that a gate between an unchanged and a confirmed slower build errs. Alpha bounds it for builds that differ by just
/// the tolerance; in docs/comparison.md no gate of some thousands erred at no change or at a step of 5 %.
const WRONG: f64 = 0.001;

/// A gate that the farm opens for itself, on one device.
pub(super) struct OwnGate {
    pub(super) baseline: Subject,
    pub(super) candidate: Subject,
    pub(super) operating_point: OperatingPoint,
    /// What decides.
    pub(super) metric: Metric,
    pub(super) priority: i32,
    /// Slow-down that it accepts, as a share; none for the one of the settings.
    pub(super) tolerance: Option<f64>,
}

impl App {
    /// Goes on with every suspicion that can; says how many did.
    pub(super) async fn follow_suspicions(&self, now: OffsetDateTime) -> Result<usize, Refusal> {
        let due = db::suspicions::due(self.db()).await?;
        for id in &due {
            self.follow(*id, now).await?;
        }
        Ok(due.len())
    }

    async fn follow(&self, id: i64, now: OffsetDateTime) -> Result<(), Refusal> {
        let mut tx = self.db().begin().await?;
        let Some(suspicion) = db::suspicions::lock(&mut tx, id).await? else { return Ok(()) };
        let good = db::suspicions::measured(&mut tx, suspicion.good).await?;
        let bad = db::suspicions::measured(&mut tx, suspicion.bad).await?;
        let mut search = suspicion.search.clone();
        let Some(mut state) = self.next_state(&mut tx, &suspicion, (&good, &bad), &mut search, now).await? else { return Ok(()) };
        if let SuspicionState::Confirming { .. } = suspicion.state
            && let SuspicionState::Confirmed { by: confirmed_by } | SuspicionState::Searching { confirmed_by, .. } = state
        {
            // The level is a new one from here on, wherever the search ends.
            let share = self.effect_of(&mut tx, confirmed_by).await?.map(|effect| effect.value);
            db::watches::confirmed(&mut tx, suspicion.series, (suspicion.good, suspicion.bad), share).await?;
        }
        if let (SuspicionState::Searching { gate: None, confirmed_by }, Some(culprits)) = (&state, &mut search) {
            let event = match culprits.ask() {
                None => SuspicionEvent::Ended,
                Some(model) => {
                    let manifest = db::suspicions::manifest(&mut tx, model).await?;
                    let candidate = Subject { manifest, ..bad.subject.clone() };
                    // Half-way between unchanged and as slow as was confirmed, so that few rounds tell which of them it is.
                    let effect = self.effect_of(&mut tx, *confirmed_by).await?;
                    let half = effect.map(|effect| half_way(effect.low, self.series_config().tolerance));
                    self.compare(&mut tx, (&good, &bad), (candidate, suspicion.metric), (SEARCH_PRIORITY, half), now).await?
                }
            };
            state = suspicion::apply(&state, &event).map_err(refused)?;
        }
        db::suspicions::write(&mut tx, &suspicion, &state, search.as_ref(), now).await?;
        self.conclude(&mut tx, &suspicion, &state, (&good, &bad), search.as_ref(), now).await?;
        tx.commit().await?;
        tracing::info!(suspicion.id = id, series.id = %suspicion.series, state = state.word(), "a suspicion went on");
        Ok(())
    }

    /// The state after what has happened meanwhile; none while its gate is open.
    async fn next_state(
        &self,
        tx: &mut PgConnection,
        suspicion: &LockedSuspicion,
        (good, bad): (&Measured, &Measured),
        search: &mut Option<Culprits>,
        now: OffsetDateTime,
    ) -> Result<Option<SuspicionState>, Refusal> {
        let event = match &suspicion.state {
            SuspicionState::Raised { .. } => {
                let candidate = (bad.subject.clone(), suspicion.metric);
                self.compare(tx, (good, bad), candidate, (CONFIRM_PRIORITY, None), now).await?
            }
            SuspicionState::Confirming { gate, .. } => {
                let Some(outcome) = db::suspicions::outcome(tx, *gate).await? else {
                    return self.without_verdict(suspicion, bad).await;
                };
                let mut suspects = 1;
                if outcome.verdict == Verdict::Slower {
                    let culprits = self.culprits(tx, (good, bad)).await?;
                    suspects = culprits.suspects();
                    *search = Some(culprits);
                }
                SuspicionEvent::Answered { gate: *gate, verdict: outcome.verdict, suspects }
            }
            SuspicionState::Searching { gate: Some(gate), .. } => {
                let Some(outcome) = db::suspicions::outcome(tx, *gate).await? else {
                    return self.without_verdict(suspicion, bad).await;
                };
                let slower = match outcome.verdict {
                    Verdict::Slower => Some(true),
                    Verdict::NotSlower => Some(false),
                    Verdict::Inconclusive | Verdict::OverBudget | Verdict::WrongOutputs => None,
                };
                let suspects = search.as_mut().map_or(1, |culprits| {
                    culprits.tell(slower);
                    culprits.suspects()
                });
                SuspicionEvent::Answered { gate: *gate, verdict: outcome.verdict, suspects }
            }
            other => return Ok(Some(other.clone())),
        };
        suspicion::apply(&suspicion.state, &event).map(Some).map_err(refused)
    }

    /// The state while the gate is open: unchanged, unless nobody will ever measure it.
    async fn without_verdict(&self, suspicion: &LockedSuspicion, bad: &Measured) -> Result<Option<SuspicionState>, Refusal> {
        let device = self.device(bad.device).await?;
        if device.state != "retired" {
            return Ok(None);
        }
        let event = SuspicionEvent::Failed { reason: format!("{} is retired", device.name) };
        suspicion::apply(&suspicion.state, &event).map(Some).map_err(refused)
    }

    /// The revisions that may have brought it. Where the engine's build changed as well, only the whole can be blamed.
    async fn culprits(&self, tx: &mut PgConnection, (good, bad): (&Measured, &Measured)) -> Result<Culprits, Refusal> {
        let same_engine = good.subject.engine == bad.subject.engine;
        let mut revisions = if same_engine { db::suspicions::between(tx, good.model, bad.model).await? } else { Vec::new() };
        if revisions.is_empty() {
            revisions.push(bad.model);
        }
        let plan = self.own_plan(0);
        let minutes = 2.0 * f64::from(plan.blocks) * plan.block_time.0 as f64 / 60e9;
        Culprits::new(revisions, minutes, WRONG).map_err(Refusal::internal)
    }

    /// Opens the gate of the good build against this one by this metric. What cannot be measured is an event too.
    async fn compare(
        &self,
        tx: &mut PgConnection,
        (good, bad): (&Measured, &Measured),
        (candidate, metric): (Subject, Metric),
        (priority, tolerance): (i32, Option<f64>),
        now: OffsetDateTime,
    ) -> Result<SuspicionEvent, Refusal> {
        let device = self.device(bad.device).await?;
        let (baseline, operating_point) = (good.subject.clone(), bad.operating_point.clone());
        let gate = OwnGate { baseline, candidate, operating_point, metric, priority, tolerance };
        match self.open_own_gate(tx, &device, gate, now).await {
            Ok(gate) => Ok(SuspicionEvent::Opened { gate }),
            Err(refusal)
                if matches!(refusal.code, ProblemCode::UnknownReference | ProblemCode::Invalid | ProblemCode::Conflict) =>
            {
                Ok(SuspicionEvent::Failed { reason: refusal.detail })
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// What the end of a suspicion leads to.
    async fn conclude(
        &self,
        tx: &mut PgConnection,
        suspicion: &LockedSuspicion,
        state: &SuspicionState,
        (good, bad): (&Measured, &Measured),
        search: Option<&Culprits>,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let at = (suspicion.series, suspicion.bad);
        match state {
            SuspicionState::Confirmed { by } => {
                let effect = self.effect_of(tx, *by).await?;
                let (before, culprit) = search.map_or((None, None), Culprits::found);
                let models = (before.unwrap_or(good.model), culprit.unwrap_or(bad.model));
                let finding = NewFinding {
                    series: suspicion.series,
                    suspicion: Some(suspicion.id),
                    runs: (suspicion.good, suspicion.bad),
                    models,
                    suspects: search.map_or(1, Culprits::suspects),
                    effect,
                    gate: Some(*by),
                };
                let detail = format!("measured again: {}, by gate {by}", worse(suspicion.metric));
                db::watches::mark(tx, at, MarkKind::Confirmed, (&detail, effect.map(|effect| effect.value)), now).await?;
                self.raise_regression(tx, &finding, bad.subject.engine.build, now).await
            }
            SuspicionState::Cleared { by } => {
                let effect = self.effect_of(tx, *by).await?;
                let detail = format!("measured again: not {}, by gate {by}", worse(suspicion.metric));
                Ok(db::watches::mark(tx, at, MarkKind::Cleared, (&detail, effect.map(|effect| effect.value)), now).await?)
            }
            SuspicionState::Undecided { reason } => {
                let detail = format!("measured again without an answer: {reason}");
                Ok(db::watches::mark(tx, at, MarkKind::Undecided, (&detail, None), now).await?)
            }
            _ => Ok(()),
        }
    }

    /// The effect that a gate of one device found.
    pub(super) async fn effect_of(&self, tx: &mut PgConnection, gate: GateId) -> Result<Option<Estimate>, Refusal> {
        let outcome = db::suspicions::outcome(tx, gate).await?;
        Ok(outcome.and_then(|outcome| outcome.devices.first().and_then(|device| device.effect)))
    }

    /// The plan of the farm's own gates; the order within each round is drawn from the seed.
    fn own_plan(&self, seed: u64) -> MeasurePlan {
        MeasurePlan {
            blocks: self.series_config().blocks,
            order: BlockOrder::Shuffled { seed },
            fresh_runners: true,
            turns: GATE_TURNS,
            ..MeasurePlan::default()
        }
    }

    /// Queues a gate of the farm's own on a device, in the caller's transaction.
    pub(super) async fn open_own_gate(
        &self,
        tx: &mut PgConnection,
        device: &Device,
        own: OwnGate,
        now: OffsetDateTime,
    ) -> Result<GateId, Refusal> {
        if device.state == "retired" {
            return Err(Refusal::new(ProblemCode::Conflict, format!("{} is retired", device.name)));
        }
        let side =
            |subject: Subject| GateSubject { manifest: subject.manifest, engine: subject.engine, threads: subject.threads };
        let new = NewGate {
            baseline: side(own.baseline),
            candidate: side(own.candidate),
            devices: format!("key={}", device.key),
            operating_point: own.operating_point,
            // Another order for each gate, and the same one when this is tried again.
            plan: self.own_plan(u64::try_from(now.unix_timestamp()).unwrap_or_default()).with_what_they_need(&[own.metric], None),
            rules: GateRules {
                tolerance: own.tolerance.unwrap_or(self.series_config().tolerance),
                ..self.series_config().gate_rules()
            },
            metrics: vec![MetricRule { metric: own.metric, tolerance: None }],
            max_time: Some(std::time::Duration::from_secs(60 * u64::from(self.series_config().minutes)).into()),
            budgets: Vec::new(),
        };
        for (at, side) in [("the old build", &new.baseline), ("the new build", &new.candidate)] {
            let files = [Some(side.manifest.artifact), side.engine.build];
            for file in files.into_iter().flatten() {
                if db::artifacts::size(self.db(), file).await?.is_none() {
                    return Err(Refusal::unknown_reference(format!("{at}: {file} is not stored any more")));
                }
            }
        }
        let engines = db::engines::list(self.db()).await?;
        let targets = db::devices::targets(self.db()).await?;
        let target = targets.get(&device.id).ok_or_else(|| Refusal::not_found("device", device.id))?;
        let text = serde_json::to_string(&new).map_err(Refusal::internal)?;
        let asked = Asked { new: &new, digest: ArtifactId::of(text.as_bytes()), devices: 1 };
        let job = super::gates::job(asked, Host { device, target }, &engines)?;
        let id = db::gates::insert(tx, (&new, &text), None, now).await?;
        self.queue(tx, Origin::Gate(id), &[job], now).await?;
        db::suspicions::set_priority(tx, id, own.priority).await?;
        Ok(id)
    }
}

/// What a build is that has more of this.
fn worse(metric: Metric) -> &'static str {
    match metric {
        Metric::PeakRss => "larger in memory",
        Metric::Energy => "hungrier",
        _ => "slower",
    }
}

/// Half-way, as a ratio, between unchanged and slower by this share; no less than the tolerance.
fn half_way(share: f64, tolerance: f64) -> f64 {
    ((1.0 + share.max(0.0)).sqrt() - 1.0).max(tolerance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_way_is_as_far_from_unchanged_as_from_what_was_confirmed() {
        assert!((half_way(0.44, 0.02) - 0.2).abs() < 1e-12);
        assert_eq!(half_way(0.01, 0.02), 0.02);
        assert_eq!(half_way(-0.5, 0.02), 0.02);
    }
}
