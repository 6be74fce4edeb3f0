//! Pictures as small as a word: the bar with its interval in a table's row, the line in a list, a family's shape in a
//! legend. They have no axes; the figures stand beside them.

use benchrack_protocol::api::Estimate;

use super::axis::extent;
use super::ink::{Tenths, Tone, write};
use super::mark::{Body, Shape, outline};

const BAR_WIDTH: f64 = 1_400.0;

/// A bar from zero with its interval as a whisker; `largest` fills the width. Tenths of user units, 140 by 14.
pub(crate) fn bar(estimate: &Estimate, largest: f64, best: bool, counts: bool) -> String {
    let at = |value: f64| Tenths(((value / largest).clamp(0.0, 1.0) * BAR_WIDTH).round() as i32);
    let class = if !counts {
        "bar hollow"
    } else if best {
        "bar best"
    } else {
        "bar"
    };
    let (value, low, high) = (at(estimate.value), at(estimate.low), at(estimate.high));
    let mut svg = String::new();
    write(
        &mut svg,
        format_args!(
            "<svg class=\"barchart\" viewBox=\"0 0 140 14\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"{class}\" y=\"2\" width=\"{value}\" height=\"10\"/>"
        ),
    );
    if low.0 < high.0 {
        write(&mut svg, format_args!("<path class=\"whisker\" d=\"M{low},4V10M{low},7H{high}M{high},4V10\"/>"));
    }
    svg + "</svg>"
}

/// A line through the newest values with a dot at the last, 120 by 28 user units; empty below two values.
pub(crate) fn spark(values: &[f64]) -> String {
    let (Some((low, high)), Some(last)) = (extent(values.iter().copied()), values.last()) else { return String::new() };
    if values.len() < 2 {
        return String::new();
    }
    let middle = (low + high) / 2.0;
    let half = ((high - low) / 2.0).max(middle.abs() * 0.02).max(f64::MIN_POSITIVE);
    let y = |value: f64| Tenths((140.0 - (value - middle) / half * 110.0).round() as i32);
    let x = |nth: usize| Tenths((20.0 + nth as f64 / (values.len() - 1) as f64 * 1_150.0).round() as i32);
    let mut svg = String::from("<svg class=\"spark\" viewBox=\"0 0 120 28\" aria-hidden=\"true\"><polyline points=\"");
    for (nth, value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        write(&mut svg, format_args!("{},{} ", x(nth), y(*value)));
    }
    write(&mut svg, format_args!("\"/><circle cx=\"{}\" cy=\"{}\" r=\"2.5\"/></svg>", x(values.len() - 1), y(*last)));
    svg
}

/// A shape as in the charts, for legends and rows.
pub(crate) fn shape_icon(tone: Tone, shape: Shape, body: Body) -> String {
    format!(
        "<svg class=\"chart key\" viewBox=\"0 0 14 14\" aria-hidden=\"true\"><g class=\"mark {} {}\">{}</g></svg>",
        body.class(),
        tone.class(),
        outline(shape, (70, 70), 45)
    )
}
