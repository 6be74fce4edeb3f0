//! Evidence and output checks in words: what was seen, and whether it speaks for the run.

use askama::Template;
use askama::filters::HtmlSafe;
use benchrack_protocol::evidence::{KnobOutcome, ResidencyEvidence, SessionEvidence};
use benchrack_protocol::reading::Reading;
use benchrack_protocol::report::{Measurement, OutputCheck};
use benchrack_protocol::session::OperatingPoint;

use crate::format::Unit;
use crate::part::{Badge, Ctx, missing};
use crate::text::fill;

/// A session's evidence, and with a measurement the runner's own.
#[derive(Template)]
#[template(path = "part/evidence.html")]
pub(super) struct Evidence<'a> {
    c: &'a Ctx<'a>,
    evidence: Option<&'a SessionEvidence>,
    /// Whether it speaks for the run (none: neither), and what was seen.
    sentences: Vec<(Option<bool>, String)>,
}

impl HtmlSafe for Evidence<'_> {}

impl<'a> Evidence<'a> {
    pub(super) fn new(
        evidence: Option<&'a SessionEvidence>,
        measurement: Option<&Measurement>,
        point: &OperatingPoint,
        c: &'a Ctx<'a>,
    ) -> Self {
        let mut sentences = evidence.map(|evidence| session(evidence, point, c)).unwrap_or_default();
        if let Some(measurement) = measurement {
            let r = &c.t.run;
            let samples = measurement.warmup.samples.len();
            let words = if measurement.warmup.steady { r.steady } else { r.unsteady };
            sentences.push((Some(measurement.warmup.steady), fill(words, &[&samples])));
            if let Some(evidence) = evidence.filter(|_| !measurement.threads.is_empty()) {
                let strays = measurement.threads.iter().filter(|thread| {
                    let allowed = thread.allowed.value().is_some_and(|allowed| !allowed.is_subset(&evidence.cpus));
                    allowed || thread.last_cpu.value().is_some_and(|cpu| !evidence.cpus.contains(*cpu))
                });
                let strays = strays.count();
                let words = if strays == 0 { r.all_placed } else { r.misplaced };
                sentences.push((Some(strays == 0), fill(words, &[&measurement.threads.len(), &evidence.cpus])));
            }
        }
        Self { c, evidence, sentences }
    }
}

fn session(evidence: &SessionEvidence, point: &OperatingPoint, c: &Ctx<'_>) -> Vec<(Option<bool>, String)> {
    let r = &c.t.run;
    let mut sentences = Vec::new();
    let settle = &evidence.settle;
    sentences.push(if settle.timed_out {
        (Some(false), fill(r.not_settled, &[&settle.waited, &c.said_plainly(&settle.detail)]))
    } else {
        (Some(true), fill(r.settled, &[&settle.waited]))
    });
    sentences.push((None, load(evidence, c)));
    sentences.push((None, fill(r.ran_on, &[&c.point(point), &evidence.cpus])));
    if evidence.knobs.is_empty() {
        sentences.push((None, r.no_knobs.into()));
    } else {
        // What only helps decides nothing; the table below shows it all the same.
        let needed = || evidence.knobs.iter().filter(|knob| !knob.helpful);
        let held = needed().filter(|knob| matches!(knob.outcome, KnobOutcome::Held | KnobOutcome::Unverified)).count();
        let restored = evidence.knobs.iter().filter(|knob| knob.restored).count();
        let all = evidence.knobs.len();
        sentences.push((Some(held == needed().count()), fill(r.knobs_held, &[&held, &needed().count()])));
        sentences.push((Some(restored == all), fill(r.knobs_restored, &[&restored, &all])));
    }
    if evidence.residency.is_empty() {
        sentences.push((None, r.no_residency.into()));
    }
    sentences.extend(evidence.residency.iter().map(|residency| (None, clock(residency, c))));
    sentences.push(match &evidence.steal_share {
        Reading::Value { value } => (None, fill(r.stolen, &[&Unit::Share.show(*value)])),
        gone => (None, fill(r.steal_unknown, &[&missing(gone, c.t).unwrap_or_default()])),
    });
    sentences
}

fn load(evidence: &SessionEvidence, c: &Ctx<'_>) -> String {
    let shown = |reading: &Reading<f64>| match reading {
        Reading::Value { value } => format!("{value:.2}"),
        gone => missing(gone, c.t).unwrap_or_default(),
    };
    fill(c.t.run.load_and_pressure, &[&shown(&evidence.settle.load_1min), &shown(&evidence.settle.cpu_pressure)])
}

/// Where a clock spent its time.
fn clock(residency: &ResidencyEvidence, c: &Ctx<'_>) -> String {
    let r = &c.t.run;
    let transitions = match &residency.transitions {
        Reading::Value { value } => fill(r.transitions, &[value]),
        gone => fill(r.transitions_unknown, &[&missing(gone, c.t).unwrap_or_default()]),
    };
    let stay = match &residency.time_in_state {
        Reading::Value { value } => {
            let total: u64 = value.iter().map(|state| state.ticks).sum();
            match value.iter().max_by_key(|state| state.ticks) {
                Some(main) if total > 0 => {
                    fill(r.stayed, &[&Unit::Share.show(main.ticks as f64 / total as f64), &main.frequency])
                }
                _ => r.no_ticks.into(),
            }
        }
        gone => fill(r.stay_unknown, &[&missing(gone, c.t).unwrap_or_default()]),
    };
    format!("{} (CPU {}): {stay}; {transitions}", residency.policy, residency.cpus)
}

/// The output check.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<ul class="evidence">{% for (badge, sentence) in rows %}<li>{{ badge }}<span><bdi>{{ sentence }}</bdi></span></li>{% endfor %}</ul>"#
)]
pub(super) struct Outputs {
    rows: Vec<(Badge, String)>,
}

impl HtmlSafe for Outputs {}

pub(super) fn output_words(check: &OutputCheck, c: &Ctx<'_>) -> Outputs {
    let r = &c.t.run;
    let rows = match check {
        OutputCheck::NoReference => vec![(c.validity(&None, &None), r.no_reference.to_owned())],
        OutputCheck::Failed { detail } => vec![(c.answer(false, "", ""), fill(r.outputs_unread, &[detail]))],
        OutputCheck::Compared { outputs } => outputs
            .iter()
            .map(|(name, comparison)| {
                let figures = fill(
                    r.output_figures,
                    &[name, &format!("{:.2e}", comparison.max_relative_error), &format!("{:.6}", comparison.cosine)],
                );
                (c.answer(comparison.within, r.outputs_same, r.outputs_differ), figures)
            })
            .collect(),
    };
    Outputs { rows }
}
