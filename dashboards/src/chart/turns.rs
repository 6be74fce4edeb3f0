//! Whose turn it was: the blocks of a session's subjects over time, so that one sees that drift of the device hit all
//! alike.

use plotters::prelude::Rectangle;

use super::axis::Axis;
use super::frame::{FULL, Place, Sheet};
use super::ink::Tone;
use super::samples::span;
use crate::RenderError;
use crate::format::Unit;
use crate::text::Texts;
use crate::view::SessionView;

/// Name of the chart.
pub(crate) const NAME: &str = "turns";
/// Subjects drawn; a session with more shows the first ones.
const MOST: usize = 24;

/// The blocks of each subject; none when no samples are kept.
pub(crate) fn turns(view: &SessionView, t: &Texts, place: Place) -> Result<Option<String>, RenderError> {
    let subjects: Vec<_> = view.subjects.iter().filter(|subject| !subject.blocks.is_empty()).take(MOST).collect();
    if subjects.is_empty() {
        return Ok(None);
    }
    let sheet = Sheet {
        name: NAME,
        title: t.chart.turns.into(),
        description: t.chart.turns_description.into(),
        width: FULL,
        height: 64 + 26 * subjects.len() as u32,
        left: 190,
        newest_last: false,
    };
    let spans = |blocks: &[benchrack_protocol::report::Block]| -> Vec<(f64, f64)> {
        blocks.iter().map(|block| span(block.started, &block.samples)).collect()
    };
    let ends = subjects.iter().flat_map(|subject| spans(&subject.blocks)).flat_map(|(from, to)| [from, to]);
    let x = Axis::linear(t.chart.session_time, Unit::Time, ends, true, 7);
    let row = |nth: usize| subjects.len() - 1 - nth;
    let label = |nth: usize| {
        let run = &subjects[nth].run;
        let name: String = run.label.chars().take(20).collect();
        (row(nth), format!("{name} {}", run.precision))
    };
    let y = Axis::places("", subjects.len(), (0..subjects.len()).map(label).collect());
    sheet
        .plot(place, &x, &y, |plot| {
            for (nth, subject) in subjects.iter().enumerate() {
                let (low, high) = (row(nth) as f64 - 0.34, row(nth) as f64 + 0.34);
                let tone = Tone::Data((nth % 2) as u8);
                let blocks = spans(&subject.blocks).into_iter();
                plot.draw_series(blocks.map(|(from, to)| Rectangle::new([(from, low), (to, high)], tone.fill())))?;
            }
            Ok(())
        })
        .map(Some)
}
