//! Rows as they are written, with what reports would have left: series, newest runs, uses, alerts and the gates behind them.

use std::collections::BTreeMap;

use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::validity::Validity;
use time::OffsetDateTime;

use super::SeedError;
use super::confirmation::Confirmation;
use super::rack::{LIBRARY, Place, Rack, Revision, VARIANTS, Variant};
use super::rows::{Rows, Sheets};
use super::session::{Outcome, integer_kernels};
use crate::db::column::word;
use crate::db::seed::Table;

/// A line of points as it grows.
#[derive(Debug)]
struct Line {
    id: i64,
    points: i64,
    latest: (i64, OffsetDateTime),
    /// The newest valid run, with the model revision that it measured.
    valid: Option<(i64, i64)>,
}

/// What makes a line one: device, model, place of the variant, system, sweep, metric.
type LineKey = (usize, usize, usize, usize, Option<usize>, Metric);

/// What makes a run the newest: device, model, place of the variant, sweep, engine build.
type LatestKey = (usize, usize, usize, Option<usize>, Option<ArtifactId>);

/// One run's place in the history.
pub(super) struct RunAt<'a> {
    pub(super) place: Place,
    pub(super) variant: Variant,
    /// Its place in [`VARIANTS`] and in the session.
    pub(super) nth: usize,
    pub(super) system: usize,
    pub(super) over: OffsetDateTime,
    /// Whether its samples are kept.
    pub(super) whole: bool,
    /// The revision that it measured, and the one before.
    pub(super) revision: &'a Revision,
    pub(super) before: Option<&'a Revision>,
}

/// A planted slow-down as it was confirmed.
struct Found<'a> {
    line: i64,
    runs: (i64, i64),
    change: f64,
    /// The revision before.
    before: &'a Revision,
}

/// Rows that wait to be copied, and what is known of those that were.
#[derive(Debug, Default)]
pub(super) struct Written {
    sheets: BTreeMap<Table, Rows>,
    lines: BTreeMap<LineKey, Line>,
    /// By device and system.
    pub(super) systems: BTreeMap<(usize, usize), String>,
    /// The run, and whether it counts.
    latest: BTreeMap<LatestKey, (i64, bool)>,
    model_uses: BTreeMap<(i64, usize), u64>,
    engine_uses: BTreeMap<(ArtifactId, usize), (u64, OffsetDateTime)>,
    /// By model file: the alert's id.
    alerts: BTreeMap<i64, i64>,
    /// How many gates there are; each one's id.
    gates: i64,
    figures: u64,
}

impl Written {
    /// The rows of a table.
    pub(super) fn of(&mut self, table: Table) -> &mut Rows {
        self.sheets.entry(table).or_default()
    }

    /// What waits to be copied.
    pub(super) fn take(&mut self) -> Sheets {
        std::mem::take(&mut self.sheets).into_iter().map(|(table, rows)| (table, rows.into_text())).collect()
    }

    /// Series, figures and alerts so far.
    pub(super) fn counts(&self) -> [u64; 3] {
        [self.lines.len() as u64, self.figures, self.alerts.len() as u64]
    }

    /// The newest run of each subject on each device, and whether it counts.
    pub(super) fn latest(&self) -> Vec<(i64, bool)> {
        self.latest.values().copied().collect()
    }

    pub(super) fn run(&mut self, rack: &Rack<'_>, run: &RunAt<'_>, got: Outcome) -> Result<(), SeedError> {
        let RunAt { place, variant, nth, over, whole, revision, .. } = *run;
        let id = rack.run_id(place, nth);
        let (model_id, manifest) = revision.file(variant.precision);
        let engine = rack.engine_ref(variant, place.round);
        let point = rack.point(place.sweep);
        let counts = matches!(&got, Outcome::Measured(_, judged) if judged.validity == Validity::Valid);
        let version = match &got {
            Outcome::Measured(measurement, _) => Some(measurement.engine.version.clone()),
            Outcome::Failed(_) => None,
        };

        let runs = self.of(Table::Runs);
        runs.cell(id).cell(place.number + 1).cell(nth).cell(place.device + 1).cell(place.round + 1).cell(model_id);
        runs.cell(&manifest.name).cell(&manifest.name).cell(manifest.precision).bytes(&manifest.artifact.0);
        runs.cell(&engine.name).maybe(version).maybe(engine.build.map(|build| format!("\\x{build}")));
        runs.cell(1).cell(&point.cores).cell(point.frequency).time(over).cell("simulated");
        match got {
            Outcome::Failed(failure) => runs.null().null().cell(serde_json::to_string(&failure)?).null().end(),
            Outcome::Measured(mut measurement, judged) => {
                let blocks = std::mem::take(&mut measurement.blocks);
                runs.cell(serde_json::to_string(&judged.validity)?).cell(word(&judged.tier)).null();
                runs.cell(serde_json::to_string(&measurement)?).end();
                for (nth, block) in blocks.iter().enumerate().filter(|_| whole) {
                    let rows = self.of(Table::SampleBlocks);
                    rows.cell(id).time(over).cell(nth).cell(block.round).cell(block.place).cell(block.started.0).cell(0);
                    let samples: Vec<String> = block.samples.iter().map(|sample| sample.0.to_string()).collect();
                    rows.maybe(block.waiting_share.value()).cell(format_args!("{{{}}}", samples.join(","))).end();
                }
                for (metric, estimate) in &judged.metrics {
                    let line = self.point(rack, run, *metric, counts)?;
                    let rows = self.of(Table::RunMetrics);
                    rows.cell(id).cell(metric.name()).cell(line).time(over).cell(counts);
                    rows.cell(estimate.value).cell(estimate.low).cell(estimate.high).maybe(estimate.level).end();
                }
            }
        }
        *self.model_uses.entry((model_id, place.device)).or_default() += 1;
        if let Some(build) = engine.build {
            let uses = self.engine_uses.entry((build, place.device)).or_insert((0, over));
            *uses = (uses.0 + 1, over);
        }
        let latest = self.latest.entry((place.device, place.model, nth, place.sweep, engine.build)).or_insert((id, counts));
        if counts || !latest.1 {
            *latest = (id, counts);
        }
        Ok(())
    }

    /// Adds a point to a line; the line's id. A planted slow-down is found at its first valid point.
    fn point(&mut self, rack: &Rack<'_>, run: &RunAt<'_>, metric: Metric, counts: bool) -> Result<i64, SeedError> {
        let RunAt { place, variant, nth, system, over, revision, before, .. } = *run;
        let id = rack.run_id(place, nth);
        let model_id = revision.file(variant.precision).0;
        self.figures += 1;
        let next = self.lines.len() as i64 + 1;
        let key = (place.device, place.model, nth, system, place.sweep, metric);
        let line = self.lines.entry(key).or_insert(Line { id: next, points: 0, latest: (id, over), valid: None });
        line.points += 1;
        line.latest = (id, over);
        let of = line.id;
        if metric == Metric::Latency && counts {
            let good = line.valid.replace((id, model_id));
            if let (Some(change), Some((good, good_model)), Some(before)) =
                (rack.is_slower(revision, place, variant), good, before)
                && good_model == before.file(variant.precision).0
            {
                self.found(rack, run, &Found { line: of, runs: (good, id), change, before })?;
            }
        }
        Ok(of)
    }

    /// Writes a planted slow-down as the farm would: the gate that confirmed it, a mark on the series, a finding, and one alert
    /// for the model file.
    fn found(&mut self, rack: &Rack<'_>, run: &RunAt<'_>, found: &Found<'_>) -> Result<(), SeedError> {
        let RunAt { place, variant, over, revision, .. } = *run;
        let Found { line, runs, change, before } = *found;
        let (good, bad) = (before.file(variant.precision), revision.file(variant.precision));
        let effect = Estimate::within(change, change * 0.85, change * 1.15);
        let confirmed = Confirmation { rack, place, variant, sides: [before, revision], effect };
        self.gates += 1;
        let gate = self.gates;
        let (request, outcome) = (serde_json::to_string(&confirmed.request())?, serde_json::to_string(&confirmed.outcome())?);
        self.of(Table::Gates).cell(gate).cell(request).time(over).cell(outcome).time(over).end();
        let next = self.alerts.len() as i64 + 1;
        let alert = *self.alerts.entry(bad.0).or_insert(next);
        if alert == next {
            let state = if rack.is_untriaged(place.round) { "new" } else { "fixed" };
            let title = format!("{} {} is {:.1} % slower", bad.1.name, bad.1.precision, change * 100.0);
            let alerts = self.of(Table::Alerts);
            alerts.cell(alert).cell("regression").cell(bad.0).cell(title).cell(state).time(over).time(over).end();
        }
        let findings = self.of(Table::AlertFindings);
        findings.cell(alert).cell(line).cell(runs.0).cell(runs.1).cell(bad.0).cell(good.0).cell(1);
        findings.cell(effect.value).cell(effect.low).cell(effect.high).cell(gate).time(over).end();
        let marks = self.of(Table::SeriesMarks);
        marks.cell(line).cell(runs.1).cell("confirmed").cell("planted in a simulated history").cell(change).time(over).end();
        Ok(())
    }

    /// The rollups.
    pub(super) fn end(&mut self, rack: &Rack<'_>) -> Sheets {
        let lines = std::mem::take(&mut self.lines);
        let model = |nth: usize| rack.plan.models.get(nth).map(|model| model.name.as_str()).unwrap_or_default();
        for ((device, of, nth, system, sweep, metric), line) in &lines {
            let point = rack.point(*sweep);
            let Some(variant) = VARIANTS.get(*nth) else { continue };
            let fingerprint = self.systems.get(&(*device, *system)).cloned().unwrap_or_default();
            let series = self.of(Table::Series);
            series.cell(line.id).cell(device + 1).cell(fingerprint).cell(model(*of)).cell(variant.precision);
            series.cell(word(&integer_kernels(*variant))).cell(variant.engine()).cell(1).cell(&point.cores).cell(point.frequency);
            series.cell(metric.name()).cell(line.points).cell(line.latest.0).time(line.latest.1).end();
            // Watching begins after the made-up points: they were made to be looked at, not to be searched.
            self.of(Table::SeriesWatches).cell(line.id).cell(line.latest.0).end();
        }
        for ((model, device), runs) in std::mem::take(&mut self.model_uses) {
            self.of(Table::ModelUses).cell(model).cell(device + 1).cell(runs).end();
        }
        for ((build, device), (runs, last)) in std::mem::take(&mut self.engine_uses) {
            self.of(Table::EngineUses).bytes(&build.0).cell(LIBRARY).cell(device + 1).cell(runs).time(last).end();
        }
        self.lines = lines;
        self.take()
    }
}
