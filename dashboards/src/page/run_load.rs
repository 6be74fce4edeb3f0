//! Energy of a run and what minutes of load did to it.

use benchrack_protocol::api::Metric;
use benchrack_protocol::energy::SustainedRun;
use benchrack_protocol::reading::Reading;

use crate::RenderError;
use crate::chart::{Curve, Place, sustained};
use crate::format::Unit;
use crate::part::{ChartFigure, Ctx, Num, missing};
use crate::text::fill;
use crate::view::{EnergyFigures, RunView, SustainedFigures};

/// What is shown of energy.
pub(super) struct EnergyPart {
    /// Why there is none; empty where there is.
    pub(super) why: String,
    pub(super) figures: Vec<(&'static str, Num)>,
    /// Which meter told it, how often, and over how many inferences.
    pub(super) meter: String,
}

/// The part of the page; none where energy was not asked for.
pub(super) fn energy_part(view: &RunView, c: &Ctx<'_>) -> Option<EnergyPart> {
    let r = &c.t.run;
    let figures = match view.energy.as_ref()? {
        Reading::Value { value } => value,
        gone @ Reading::Missing { detail, .. } => {
            let why = fill(c.t.common.reason, &[&missing(gone, c.t).unwrap_or_default(), detail]);
            return Some(EnergyPart { why, figures: Vec::new(), meter: String::new() });
        }
    };
    let EnergyFigures { source, what, period, rest_w, inferences, seconds } = figures;
    let metric = |metric: Metric| (c.t.common.metric(metric), c.metric(&view.run, metric));
    let meter = fill(
        r.energy_meter,
        &[&r.energy_source(*source), what, period, &Unit::Count.show(*inferences), &Unit::Time.show(seconds * 1e9)],
    );
    Some(EnergyPart {
        why: String::new(),
        figures: vec![metric(Metric::Energy), metric(Metric::Power), (r.power_at_rest, Num::plain(Unit::Power.show(*rest_w)))],
        meter,
    })
}

/// What is shown of minutes of load.
pub(super) struct SustainedPart {
    pub(super) figures: Vec<(&'static str, Num)>,
    pub(super) charts: Vec<ChartFigure>,
}

/// The part of a run's page; none where no load was asked for.
pub(super) fn sustained_part(view: &RunView, c: &Ctx<'_>) -> Result<Option<SustainedPart>, RenderError> {
    let curve = view.measurement.as_ref().and_then(|measurement| measurement.sustained.as_ref());
    curve.map(|curve| sustained_curve(curve, view.sustained, &view.run.label, c)).transpose()
}

/// A curve with its figures.
pub(super) fn sustained_curve(
    run: &SustainedRun,
    figures: Option<SustainedFigures>,
    label: &str,
    c: &Ctx<'_>,
) -> Result<SustainedPart, RenderError> {
    let r = &c.t.run;
    let figures = figures.map_or_else(Vec::new, |figures| {
        let or = |value: Option<f64>, why: &'static str| {
            value.map_or_else(|| Num::missing(why), |value| Num::plain(Unit::Time.show(value)))
        };
        let recovery = if figures.throttled_after_ns.is_some() { r.not_recovered } else { r.nothing_to_recover };
        vec![
            (r.first_minute, Num::plain(Unit::Time.show(figures.first_minute_ns))),
            (r.throttled_after, or(figures.throttled_after_ns, r.never_throttled)),
            (r.plateau, or(figures.plateau_ns, r.no_plateau)),
            (r.recovered_after, or(figures.recovered_after_ns, recovery)),
        ]
    });
    let mut charts = Vec::new();
    for curve in Curve::ALL {
        if let Some(svg) = sustained(run, curve, label, c.t, Place::Page)? {
            let note = if curve == Curve::Latency { c.t.chart.sustained_note } else { "" };
            charts.push(c.chart(curve.title(c.t), curve.name(), svg, note));
        }
    }
    Ok(SustainedPart { figures, charts })
}
