//! Changes with their intervals, one below another: a gate's by device, with the tolerance as a band, and an alert's by
//! finding. What reaches beyond the band with its whole interval is slower for certain.

use benchrack_protocol::alert::Finding;
use benchrack_protocol::api::{Estimate, GateDevice, Verdict};
use plotters::prelude::{PathElement, Rectangle};
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::frame::{HALF, Place, Sheet, words};
use super::ink::Tone;
use super::mark::{Mark, Shape};
use crate::RenderError;
use crate::format::{Unit, change_interval};
use crate::text::{Texts, fill, plainly};
use crate::view::{AlertView, GateView};

/// Name of the chart.
pub(crate) const NAME: &str = "forest";
/// More changes than this and the picture shows the first ones only; the table has all.
const MOST: usize = 60;

/// Colour and shape of a verdict.
pub(crate) fn look(verdict: Verdict) -> (Tone, Shape) {
    match verdict {
        Verdict::Slower | Verdict::WrongOutputs | Verdict::OverBudget => (Tone::Bad, Shape::Diamond),
        Verdict::NotSlower => (Tone::Good, Shape::Circle),
        Verdict::Inconclusive => (Tone::Doubt, Shape::Triangle),
    }
}

/// One change.
struct Row<'a> {
    name: String,
    effect: &'a Estimate,
    look: (Tone, Shape),
    /// What is told of it after name and figure.
    told: &'static str,
}

/// The effects of all devices.
pub(crate) fn forest(view: &GateView, t: &Texts, place: Place) -> Result<String, RenderError> {
    let devices = view.gate.outcome.iter().flat_map(|outcome| &outcome.devices);
    let row = |device| {
        let GateDevice { device, effect, verdict, .. }: &GateDevice = device;
        Some(Row { name: device.clone(), effect: effect.as_ref()?, look: look(*verdict), told: t.gate.verdict(*verdict) })
    };
    let rows: Vec<Row<'_>> = devices.filter_map(row).take(MOST).collect();
    let sheet = sheet(view.title(t.chart.forest_title), t.chart.forest_description, rows.len());
    draw(&sheet, &rows, (t.chart.effect, Some(view.gate.rules.tolerance)), t, place)
}

/// What an alert is made of.
pub(crate) fn findings(view: &AlertView, t: &Texts, place: Place) -> Result<String, RenderError> {
    let row = |finding| {
        let Finding { device_name, metric, effect, .. }: &Finding = finding;
        let effect = effect.as_ref()?;
        let look = if effect.low > 0.0 { (Tone::Bad, Shape::Diamond) } else { (Tone::Doubt, Shape::Triangle) };
        Some(Row { name: device_name.clone(), effect, look, told: t.common.metric(*metric) })
    };
    let rows: Vec<Row<'_>> = view.alert.findings.iter().filter_map(row).take(MOST).collect();
    let sheet = sheet(plainly(&view.alert.title, t), t.chart.findings_description, rows.len());
    draw(&sheet, &rows, (t.alert.change, None), t, place)
}

fn sheet(title: String, description: &str, rows: usize) -> Sheet {
    Sheet {
        name: NAME,
        title,
        description: description.into(),
        width: HALF,
        height: 80 + 34 * rows as u32,
        left: 128,
        newest_last: false,
    }
}

fn draw(
    sheet: &Sheet,
    rows: &[Row<'_>],
    (title, tolerance): (&str, Option<f64>),
    t: &Texts,
    place: Place,
) -> Result<String, RenderError> {
    if rows.is_empty() {
        return Ok(sheet.empty(place, t.chart.no_effect));
    }
    let ends = rows.iter().flat_map(|row| [row.effect.low, row.effect.high, row.effect.value]);
    let band = tolerance.into_iter().flat_map(|tolerance| [tolerance * 2.0, -tolerance]);
    let x = Axis::linear(title, Unit::Share, ends.chain([0.0]).chain(band), false, 6);
    let labels = rows.iter().enumerate().map(|(nth, row)| (rows.len() - 1 - nth, shortened(&row.name)));
    let y = Axis::places("", rows.len(), labels.collect());
    sheet.plot(place, &x, &y, |plot| {
        if let Some(tolerance) = tolerance {
            plot.draw_series([Rectangle::new([(x.low, y.low), (tolerance.min(x.high), y.high)], Tone::Band.fill())])?;
            plot.draw_series([PathElement::new(vec![(tolerance, y.low), (tolerance, y.high)], Tone::Guide.line(2))])?;
        }
        plot.draw_series([PathElement::new(vec![(0.0, y.low), (0.0, y.high)], Tone::Axis.line(1))])?;
        if let Some(tolerance) = tolerance {
            let note = format!(" {}", fill(t.chart.tolerance, &[&Unit::Share.show(tolerance)]));
            plot.draw_series([words(&note, "note", (tolerance, y.high), HPos::Left, VPos::Top)])?;
        }
        for (nth, Row { name, effect, look: (tone, shape), told }) in rows.iter().enumerate() {
            let row = (rows.len() - 1 - nth) as f64;
            let told = format!("{name}\n{}\n{told}", change_interval(effect));
            let mark = Mark { shape: *shape, radius: 60, ..Mark::at((effect.value, row), *tone, told) };
            plot.draw_series([mark.within((effect.low.max(x.low), row), (effect.high.min(x.high), row))])?;
        }
        Ok(())
    })
}

fn shortened(name: &str) -> String {
    if name.chars().count() > 17 { name.chars().take(16).chain(['…']).collect() } else { name.into() }
}
