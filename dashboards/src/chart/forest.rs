//! A gate's effects by device with their intervals, the tolerance as a band: what reaches beyond the band with its whole
//! interval is slower for certain.

use benchrack_protocol::api::{GateDevice, Verdict};
use plotters::prelude::{PathElement, Rectangle};
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::frame::{HALF, Place, Sheet, words};
use super::ink::Tone;
use super::mark::{Mark, Shape};
use crate::RenderError;
use crate::format::{Unit, change_interval};
use crate::text::{Texts, fill};
use crate::view::GateView;

/// Name of the chart.
pub(crate) const NAME: &str = "forest";
/// More devices than this and the picture shows the first ones only; the table has all.
const MOST: usize = 60;

/// Colour and shape of a verdict.
pub(crate) fn look(verdict: Verdict) -> (Tone, Shape) {
    match verdict {
        Verdict::Slower | Verdict::WrongOutputs | Verdict::OverBudget => (Tone::Bad, Shape::Diamond),
        Verdict::NotSlower => (Tone::Good, Shape::Circle),
        Verdict::Inconclusive => (Tone::Doubt, Shape::Triangle),
    }
}

/// The effects of all devices.
pub(crate) fn forest(view: &GateView, t: &Texts, place: Place) -> Result<String, RenderError> {
    let devices: Vec<(&GateDevice, &benchrack_protocol::api::Estimate)> = view
        .gate
        .outcome
        .iter()
        .flat_map(|outcome| &outcome.devices)
        .filter_map(|device| Some((device, device.effect.as_ref()?)))
        .take(MOST)
        .collect();
    let sheet = Sheet {
        name: NAME,
        title: view.title(t.chart.forest_title),
        description: t.chart.forest_description.into(),
        width: HALF,
        height: 80 + 34 * devices.len() as u32,
        left: 128,
        newest_last: false,
    };
    if devices.is_empty() {
        return Ok(sheet.empty(place, t.chart.no_effect));
    }
    let tolerance = view.gate.rules.tolerance;
    let ends = devices.iter().flat_map(|(_, effect)| [effect.low, effect.high, effect.value]);
    let x = Axis::linear(t.chart.effect, Unit::Share, ends.chain([0.0, tolerance * 2.0, -tolerance]), false, 6);
    let labels = devices.iter().enumerate().map(|(nth, (device, _))| (devices.len() - 1 - nth, shortened(&device.device)));
    let y = Axis::places("", devices.len(), labels.collect());
    sheet.plot(place, &x, &y, |plot| {
        plot.draw_series([Rectangle::new([(x.low, y.low), (tolerance.min(x.high), y.high)], Tone::Band.fill())])?;
        plot.draw_series([PathElement::new(vec![(tolerance, y.low), (tolerance, y.high)], Tone::Guide.line(2))])?;
        plot.draw_series([PathElement::new(vec![(0.0, y.low), (0.0, y.high)], Tone::Axis.line(1))])?;
        let note = format!(" {}", fill(t.chart.tolerance, &[&Unit::Share.show(tolerance)]));
        plot.draw_series([words(&note, "note", (tolerance, y.high), HPos::Left, VPos::Top)])?;
        for (nth, (device, effect)) in devices.iter().enumerate() {
            let row = (devices.len() - 1 - nth) as f64;
            let (tone, shape) = look(device.verdict);
            let told = format!("{}\n{}\n{}", device.device, change_interval(effect), t.gate.verdict(device.verdict));
            let mark = Mark { shape, radius: 60, ..Mark::at((effect.value, row), tone, told) };
            plot.draw_series([mark.within((effect.low.max(x.low), row), (effect.high.min(x.high), row))])?;
        }
        Ok(())
    })
}

fn shortened(name: &str) -> String {
    if name.chars().count() > 17 { name.chars().take(16).chain(['…']).collect() } else { name.into() }
}
