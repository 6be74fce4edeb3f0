//! One gate, and the list of all.

use askama::Template;
use benchrack_protocol::api::{GateComparison, GateDevice, JobStatus, Metric, Verdict};

use super::render;
use crate::chart::{self, Look, Place, badge, forest};
use crate::format::{Unit, change_interval};
use crate::part::{Badge, ChartFigure, Ctx, Num, Tab};
use crate::table::Table;
use crate::text::{fill, texts};
use crate::view::{GateListView, GateSide, GateView};
use crate::{Chrome, Language, Page, RenderError, link};

#[derive(Template)]
#[template(path = "gate.html")]
struct Gate<'a> {
    c: &'a Ctx<'a>,
    v: &'a GateView,
    verdict: Badge,
    tone: &'static str,
    rules: String,
    done: usize,
    total: usize,
    chart: ChartFigure,
    devices: Vec<Row<'a>>,
    comparisons: Vec<Compared<'a>>,
    /// Each with its device's name.
    jobs: Vec<(&'a JobStatus, String)>,
    sides: [(&'static str, &'a GateSide); 2],
}

struct Row<'a> {
    device: &'a GateDevice,
    verdict: Badge,
    effect: Num,
    order: String,
    baseline: Num,
    candidate: Num,
}

/// One metric or budget of a device.
struct Compared<'a> {
    device: &'a str,
    metric: &'a str,
    of: &'a GateComparison,
    verdict: Badge,
    change: Num,
    baseline: Num,
    candidate: Num,
}

/// A figure of a metric in its own unit.
fn figure(metric: &str, value: f64) -> String {
    Metric::named(metric).map_or_else(|| value.to_string(), |metric| Unit::of(metric).show(value))
}

fn tone(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Slower | Verdict::WrongOutputs | Verdict::OverBudget => "bad",
        Verdict::NotSlower => "good",
        Verdict::Inconclusive => "doubt",
    }
}

impl GateView {
    /// Whether only their files tell the two sides apart: revisions of one model.
    fn are_alike(&self) -> bool {
        let named = |side: &GateSide| (side.model.clone(), side.precision, side.engine.clone());
        named(&self.candidate) == named(&self.baseline)
    }

    /// The two models in the places of the text; with their engines where these differ.
    pub(crate) fn title(&self, text: &str) -> String {
        let engines = self.candidate.engine != self.baseline.engine;
        let name = |side: &GateSide| if engines { format!("{} ({})", side.model, side.engine) } else { side.model.clone() };
        fill(text, &[&name(&self.candidate), &name(&self.baseline)])
    }
}

impl Page for GateView {
    fn charts(&self) -> Vec<String> {
        vec![chart::FOREST.into()]
    }

    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let c = Ctx::new(chrome, "", Tab::Gates).at(link::gate(self.gate.id), "").with_csv().living();
        let c = &Ctx { title: self.title(c.t.chart.forest_title), ..c };
        let outcome = self.gate.outcome.as_ref();
        let verdict = outcome.map(|outcome| outcome.verdict);
        let rules = &self.gate.rules;
        let (tolerance, alpha) = (Unit::Share.show(rules.tolerance), Unit::Share.show(rules.alpha));
        let row = |device: &'_ GateDevice| {
            let num = |ns: Option<u64>| match ns {
                Some(ns) => Num::plain(Unit::Time.show(ns as f64)),
                None => Num::missing(c.t.gate.no_pairs),
            };
            (
                match &device.effect {
                    Some(effect) => Num::split(&change_interval(effect)),
                    None => Num::missing(c.t.gate.no_pairs),
                },
                num(device.medians.map(|(baseline, _)| baseline.0)),
                num(device.medians.map(|(_, candidate)| candidate.0)),
            )
        };
        let devices = outcome.iter().flat_map(|outcome| &outcome.devices).map(|device| {
            let (effect, baseline, candidate) = row(device);
            let order = device.effect.map(|effect| effect.value.to_string()).unwrap_or_default();
            Row { device, verdict: c.verdict(&Some(device.verdict)), effect, order, baseline, candidate }
        });
        let missing = || Num::missing(c.t.gate.no_pairs);
        let shown =
            |of: &GateComparison, value: Option<f64>| value.map_or_else(missing, |value| Num::plain(figure(&of.metric, value)));
        let compared = outcome
            .iter()
            .flat_map(|outcome| &outcome.devices)
            .flat_map(|device| device.comparisons.iter().map(move |of| (device.device.as_str(), of)));
        let comparisons = compared.map(|(device, of)| Compared {
            device,
            metric: Metric::named(&of.metric).map_or(of.metric.as_str(), |metric| c.t.common.metric(metric)),
            of,
            verdict: c.verdict(&Some(of.verdict)),
            change: of.change.as_ref().map_or_else(missing, |change| Num::split(&change_interval(change))),
            baseline: shown(of, if of.budget { Some(of.limit) } else { of.baseline }),
            candidate: shown(of, of.candidate.map(|candidate| candidate.value)),
        });
        let comparisons: Vec<Compared<'_>> = comparisons.collect();
        let note = if outcome.is_some() { c.t.chart.forest_note } else { "" };
        let name = |job: &JobStatus| {
            let known = self.devices.iter().find(|device| device.id == job.device);
            known.map_or_else(|| fill(c.t.gate.device_number, &[&job.device]), |device| device.name.clone())
        };
        render(&Gate {
            c,
            v: self,
            verdict: c.verdict(&verdict),
            tone: verdict.map_or("", tone),
            rules: fill(c.t.gate.rules, &[&tolerance, &alpha, &rules.at_least]),
            done: self.gate.jobs.iter().filter(|job| !matches!(job.state.as_str(), "queued" | "leased")).count(),
            total: self.gate.jobs.len().max(1),
            chart: c.chart(c.t.gate.effects, chart::FOREST, forest(self, c.t, Place::Page)?, note).main(),
            devices: devices.collect(),
            comparisons,
            jobs: self.gate.jobs.iter().map(|job| (job, name(job))).collect(),
            sides: [(c.t.gate.candidate, &self.candidate), (c.t.gate.baseline, &self.baseline)],
        })
    }

    fn badge_svg(&self, language: Language) -> Option<String> {
        let t = texts(language);
        let verdict = self.gate.outcome.as_ref().map(|outcome| outcome.verdict);
        let (answer, look) = match verdict {
            None => (t.gate.open, Look::Plain),
            Some(verdict) => (
                t.gate.verdict(verdict),
                match tone(verdict) {
                    "bad" => Look::Bad,
                    "good" => Look::Good,
                    _ => Look::Doubt,
                },
            ),
        };
        Some(badge(&self.candidate.model, answer, look))
    }

    fn chart_svg(&self, name: &str, language: Language) -> Result<Option<String>, RenderError> {
        (name == chart::FOREST).then(|| forest(self, texts(language), Place::File)).transpose()
    }

    fn csv(&self) -> Result<Option<String>, RenderError> {
        let heading = [
            "device",
            "session",
            "verdict",
            "effect",
            "effect_low",
            "effect_high",
            "baseline_ns",
            "candidate_ns",
            "pairs",
            "detail",
        ];
        let mut table = Table::new(&heading);
        for device in self.gate.outcome.iter().flat_map(|outcome| &outcome.devices) {
            table.row([
                Table::text(&device.device),
                Table::maybe(device.session),
                Table::word(&device.verdict),
                Table::maybe(device.effect.map(|effect| effect.value)),
                Table::maybe(device.effect.map(|effect| effect.low)),
                Table::maybe(device.effect.map(|effect| effect.high)),
                Table::maybe(device.medians.map(|(baseline, _)| baseline.0)),
                Table::maybe(device.medians.map(|(_, candidate)| candidate.0)),
                device.pairs.to_string(),
                Table::text(&device.detail),
            ])?;
        }
        table.finish().map(Some)
    }
}

#[derive(Template)]
#[template(path = "gate_list.html")]
struct GateList<'a> {
    c: &'a Ctx<'a>,
    v: &'a GateListView,
}

impl Page for GateListView {
    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let c = Ctx::new(chrome, "", Tab::Gates).at(link::GATES, "").with_csv().living();
        let c = &Ctx { title: c.t.common.gates.into(), ..c };
        render(&GateList { c, v: self })
    }

    fn csv(&self) -> Result<Option<String>, RenderError> {
        let heading = [
            "gate",
            "candidate",
            "candidate_precision",
            "candidate_sha256",
            "baseline",
            "baseline_precision",
            "baseline_sha256",
            "verdict",
            "summary",
            "jobs_done",
            "jobs",
            "submitted_at",
        ];
        let mut table = Table::new(&heading);
        for row in &self.rows {
            table.row([
                row.id.to_string(),
                Table::text(&row.candidate.model),
                row.candidate.precision.to_string(),
                row.candidate.artifact.to_string(),
                Table::text(&row.baseline.model),
                row.baseline.precision.to_string(),
                row.baseline.artifact.to_string(),
                row.verdict.as_ref().map(Table::word).unwrap_or_default(),
                Table::text(&row.summary),
                row.jobs_done.to_string(),
                row.jobs.to_string(),
                Table::time(row.submitted_at),
            ])?;
        }
        table.finish().map(Some)
    }
}
