//! Series as they grow: each valid point is looked at once, by the housekeeper.

use benchrack_lifecycle::device::{DeviceEvent, DeviceState};
use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::ids::{DeviceId, RunId};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::App;
use crate::db;
use crate::db::alerts::NewFinding;
use crate::db::watches::{Due, MarkKind, Point, Surroundings, Watched};
use crate::judge::series::{Said, SeriesRules, SeriesState};
use crate::refusal::Refusal;

/// What a gate can measure again, and the size of a file, which needs no measuring because it has no noise. The tail of the
/// latency has no watch of its own: what moves it alone shows in a gate that asks for it.
const WATCHED: [Metric; 6] = [Metric::Latency, Metric::PeakRss, Metric::Load, Metric::Frame, Metric::Energy, Metric::ModelSize];
/// Series for each look.
const SERIES: i64 = 500;
/// Points of one series for each look.
const POINTS: i64 = 500;

impl App {
    /// Looks at the new points of all series; says how many series had some.
    pub(super) async fn watch_series(&self, now: OffsetDateTime) -> Result<usize, Refusal> {
        let config = self.series_config();
        if !config.watch {
            return Ok(0);
        }
        let rules = SeriesRules::new(config.step, config.suspicions_per_revision).map_err(Refusal::internal)?;
        let due = db::watches::due(self.db(), &WATCHED, SERIES).await?;
        for due in &due {
            self.watch(*due, &rules, now).await?;
        }
        Ok(due.len())
    }

    /// Everything that new points of a series lead to is written with the fact that they were looked at, or not at all.
    async fn watch(&self, mut due: Due, rules: &SeriesRules, now: OffsetDateTime) -> Result<(), Refusal> {
        let mut tx = self.db().begin().await?;
        let mut seen = db::watches::get(&mut tx, due.series).await?;
        let mut points = db::watches::points(&mut tx, due.series, (due.seen, due.newest), POINTS).await?;
        if !follows_control(due.metric) {
            points.iter_mut().for_each(|point| point.new.control = None);
        }
        if let Some(last) = points.last().filter(|_| i64::try_from(points.len()).is_ok_and(|count| count == POINTS)) {
            due.newest = last.run;
        }
        for point in &points {
            let is_first = seen.is_none();
            let seen = seen.get_or_insert_with(|| Watched { state: SeriesState::begin(rules, &point.new), baseline: point.run });
            if is_first && let Some(before) = db::watches::began(&mut tx, due.series).await? {
                let detail = beginning(&before);
                db::watches::mark(&mut tx, (due.series, point.run), MarkKind::Infrastructure, (&detail, None), now).await?;
            }
            let said = seen.state.take(rules, &point.new).map_err(Refusal::internal)?;
            if due.metric == Metric::ModelSize {
                self.compare_exactly(&mut tx, due, point, now).await?;
            } else if self.heed(&mut tx, due, point, &said, now).await? {
                // What comes after this point waits for the answer, and is looked at by its light.
                due.newest = point.run;
                break;
            }
        }
        if !db::watches::put(&mut tx, &due, seen.as_ref()).await? {
            tracing::warn!(series.id = %due.series, "another server looked at this series at the same time; nothing was written");
            return Ok(());
        }
        tx.commit().await?;
        Ok(())
    }

    /// Does what a point asks for; says whether the series is under suspicion now.
    async fn heed(
        &self,
        tx: &mut PgConnection,
        due: Due,
        point: &Point,
        said: &[Said],
        now: OffsetDateTime,
    ) -> Result<bool, Refusal> {
        let mut suspected = false;
        for said in said.iter().filter(|said| is_heeded(due.metric, said)) {
            match said {
                Said::Infrastructure { what } => {
                    db::watches::mark(tx, (due.series, point.run), MarkKind::Infrastructure, (what, None), now).await?;
                }
                Said::Changed { since, good, change, interval, infrastructure } => {
                    // Sure and too small to matter is not worth a word.
                    if change.is_some_and(|change| change.abs() < self.series_config().tolerance) {
                        continue;
                    }
                    let Some(at) = db::watches::back(tx, due.series, point.run, *since).await? else { continue };
                    let Some(good) = db::watches::back(tx, due.series, point.run, *good).await? else { continue };
                    let mut detail = "the level changed".to_owned();
                    if let Some(what) = infrastructure {
                        detail.push_str(&format!(" together with {what}"));
                    }
                    db::watches::mark(tx, (due.series, at.run), MarkKind::Change, (&detail, *change), now).await?;
                    let effect = change
                        .zip(*interval)
                        .map(|(value, (low, high))| Estimate::within(value, low.min(value), high.max(value)));
                    if same_revision(&good, point) && infrastructure.is_none() {
                        self.note_unexplained(tx, due, (&good, &at), effect, now).await?;
                    } else if change.is_some_and(|change| change > 0.0)
                        && !self.is_answered(tx, due, (&good, &at), effect).await?
                    {
                        suspected |= self.suspect(tx, due, (&good, point), infrastructure.as_deref(), now).await?;
                    }
                }
                Said::Suspicious { good, infrastructure, .. } => {
                    if let Some(good) = db::watches::back(tx, due.series, point.run, *good).await? {
                        suspected |= self.suspect(tx, due, (&good, point), infrastructure.as_deref(), now).await?;
                    }
                }
                Said::Leaked { good, .. } => {
                    if let Some(good) = db::watches::back(tx, due.series, point.run, *good).await? {
                        suspected |= self.suspect(tx, due, (&good, point), None, now).await?;
                    }
                }
            }
        }
        Ok(suspected)
    }

    /// Whether a session has answered already what a new level is. A rise beyond what was confirmed is another one, on top.
    async fn is_answered(
        &self,
        tx: &mut PgConnection,
        due: Due,
        (good, at): (&Point, &Point),
        effect: Option<Estimate>,
    ) -> Result<bool, Refusal> {
        let Some(answer) = db::suspicions::answer(tx, due.series, (good.run, at.run)).await? else { return Ok(false) };
        let Some(gate) = answer.slower_by else { return Ok(true) };
        let confirmed = self.effect_of(tx, gate).await?;
        Ok(!confirmed.zip(effect).is_some_and(|(confirmed, effect)| effect.low > confirmed.high))
    }

    /// A figure without noise needs no session: the first revision that is larger is.
    async fn compare_exactly(&self, tx: &mut PgConnection, due: Due, point: &Point, now: OffsetDateTime) -> Result<(), Refusal> {
        let Some(before) = db::watches::back(tx, due.series, point.run, 1).await? else { return Ok(()) };
        let change = point.new.value / before.new.value - 1.0;
        if before.run == point.run
            || same_revision(&before, point)
            || !(change.is_finite() && change > self.series_config().tolerance)
        {
            return Ok(());
        }
        let between = db::suspicions::between(tx, before.model, point.model).await?;
        let finding = NewFinding {
            series: due.series,
            suspicion: None,
            runs: (before.run, point.run),
            models: (before.model, point.model),
            suspects: between.len().max(1),
            effect: Some(Estimate::exact(change)),
            gate: None,
        };
        db::watches::mark(tx, (due.series, point.run), MarkKind::Confirmed, ("the file is larger", Some(change)), now).await?;
        self.raise_regression(tx, &finding, point.engine, now).await
    }

    /// Asks for a confirming session, if there are two builds to compare; says whether it did. What cannot be blamed on any
    /// build is no question. A build that was found slower is the old one for what comes after it.
    async fn suspect(
        &self,
        tx: &mut PgConnection,
        due: Due,
        (good, bad): (&Point, &Point),
        infrastructure: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<bool, Refusal> {
        let known = match db::suspicions::slower_before(tx, due.series, bad.run).await? {
            Some(slower) if slower > good.run => db::watches::at(tx, due.series, slower).await?,
            _ => None,
        };
        let good = known.as_ref().unwrap_or(good);
        if same_revision(good, bad) || !db::suspicions::raise(tx, due.series, (good.run, bad.run), now).await? {
            return Ok(false);
        }
        let detail = match infrastructure {
            Some(what) => format!("looks worse than run {}, and {what}: both builds are measured again", good.run),
            None => format!("looks worse than run {}: both builds are measured again", good.run),
        };
        db::watches::mark(tx, (due.series, bad.run), MarkKind::Suspected, (&detail, None), now).await?;
        tracing::info!(series.id = %due.series, good = %good.run, bad = %bad.run, "a series looks worse");
        Ok(true)
    }

    /// A level that changed while nothing that is known did. Of the control's latency it means that the device changed.
    async fn note_unexplained(
        &self,
        tx: &mut PgConnection,
        due: Due,
        (good, at): (&Point, &Point),
        effect: Option<Estimate>,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let change = effect.map(|effect| effect.value);
        let drifted = at.is_control
            && due.metric == Metric::Latency
            && change.is_some_and(|change| change.abs() >= self.series_config().drift);
        if !drifted {
            let detail = "the level changed, and neither revision nor what it is measured with did";
            return Ok(db::watches::mark(tx, (due.series, at.run), MarkKind::Unexplained, (detail, change), now).await?);
        }
        let detail = "the control's level changed: the device is not what it was";
        db::watches::mark(tx, (due.series, at.run), MarkKind::Drift, (detail, change), now).await?;
        let finding = NewFinding {
            series: due.series,
            suspicion: None,
            runs: (good.run, at.run),
            models: (good.model, at.model),
            suspects: 1,
            effect,
            gate: None,
        };
        self.raise_drift(tx, due.device, &finding, now).await?;
        self.quarantine_drifted(tx, due.device, (at.run, change), now).await
    }

    async fn quarantine_drifted(
        &self,
        tx: &mut PgConnection,
        id: DeviceId,
        (run, change): (RunId, Option<f64>),
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let Some(device) = db::devices::lock(tx, id).await? else { return Ok(()) };
        if matches!(device.machine.state, DeviceState::Quarantined { .. } | DeviceState::Retired { .. }) {
            return Ok(());
        }
        let percent = change.unwrap_or_default() * 100.0;
        let reason = format!(
            "its control drifted by {percent:+.1} % since run {run}: look at battery, cooling and cables, then readmit it"
        );
        self.move_device(tx, &device, &DeviceEvent::Quarantine { reason }, now).await?;
        tracing::warn!(device.id = %id, percent, "a device drifted and was quarantined");
        Ok(())
    }
}

/// Whether a slow or warm phone moves this figure of all models alike, so that it is divided by the control's.
fn follows_control(metric: Metric) -> bool {
    matches!(metric, Metric::Latency | Metric::Frame | Metric::Energy)
}

/// Whether something said of a series of this metric leads to anything. Sensitive suspicions cost a session for one of seven
/// unchanged revisions, and only of the latency: other metrics must have changed their level, which a series without a change
/// says once in a hundred. Load times, frames and energy scatter too much for medians of ten to tell a leak.
fn is_heeded(metric: Metric, said: &Said) -> bool {
    match said {
        Said::Infrastructure { .. } | Said::Changed { .. } => true,
        Said::Suspicious { .. } => metric == Metric::Latency,
        Said::Leaked { .. } => matches!(metric, Metric::Latency | Metric::PeakRss),
    }
}

/// Why another series began, in words.
fn beginning(Surroundings { systems, knobs }: &Surroundings) -> String {
    let [[system, new_system], [knobs, new_knobs]] = [systems, knobs];
    let none = |knobs: &String| if knobs.is_empty() { "none".to_owned() } else { knobs.clone() };
    let system = (system != new_system).then(|| format!("a new system, it was {system}"));
    let knobs = (knobs != new_knobs).then(|| format!("other knobs asked for by name, they were {}", none(knobs)));
    system.into_iter().chain(knobs).collect::<Vec<_>>().join(", and ")
}

fn same_revision(a: &Point, b: &Point) -> bool {
    (a.model, a.engine) == (b.model, b.engine)
}
