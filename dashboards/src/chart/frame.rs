//! What all charts share: the plotting area with its axes, the wrapping into `<svg>`, the empty chart.

use std::convert::Infallible;

use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::ink::{Ink, Tone, escape, write};
use crate::{RenderError, palette};

/// What drawing with [`Ink`] answers.
pub(crate) type Plotted<T = ()> = Result<T, DrawingAreaErrorKind<Infallible>>;

/// The plotting area of a chart; positions are those of the axes.
pub(crate) type Plot<'a, 'b> = ChartContext<'a, Ink<'b>, Cartesian2d<Axis, Axis>>;

/// Where a chart will stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Inside a page, whose style sheet colours it and whose words stand around it.
    Page,
    /// Alone, with its own style and heading.
    File,
}

/// A chart's size and words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sheet {
    /// For errors.
    pub(crate) name: &'static str,
    /// Heading.
    pub(crate) title: String,
    /// What is drawn, for those who do not see it.
    pub(crate) description: String,
    /// User units.
    pub(crate) width: u32,
    /// User units, without the heading of a file.
    pub(crate) height: u32,
    /// Space left of the plotting area, for the texts of the ticks.
    pub(crate) left: u32,
    /// Whether the newest is at the right end: a narrow screen begins there.
    pub(crate) newest_last: bool,
}

/// Width of a chart that stands beside another.
pub(crate) const HALF: u32 = 520;
/// Width of a chart that has the page for itself.
pub(crate) const FULL: u32 = 1000;

const HEADING: u32 = 34;

impl Sheet {
    /// A chart on two axes.
    pub(crate) fn plot(
        &self,
        place: Place,
        x: &Axis,
        y: &Axis,
        draw: impl for<'a, 'b> FnOnce(&mut Plot<'a, 'b>) -> Plotted,
    ) -> Result<String, RenderError> {
        self.panels(place, |root| {
            let mut plot = axes(root, self.left, x, y)?;
            draw(&mut plot)
        })
    }

    /// A chart of any make-up on the whole area.
    pub(crate) fn panels(
        &self,
        place: Place,
        draw: impl for<'b> FnOnce(&DrawingArea<Ink<'b>, Shift>) -> Plotted,
    ) -> Result<String, RenderError> {
        let mut elements = String::new();
        let top = if place == Place::File { HEADING } else { 0 };
        {
            let root = Ink::new(&mut elements, self.width, self.height).into_drawing_area();
            draw(&root).map_err(|source| RenderError::Chart { chart: self.name, source: source.to_string().into() })?;
        }
        Ok(self.wrapped(place, top, &elements))
    }

    /// The honest empty chart: axes of nothing would suggest figures, so there are only words.
    pub(crate) fn empty(&self, place: Place, words: &str) -> String {
        let top = if place == Place::File { HEADING } else { 0 };
        let height = self.height.min(160);
        let (x, y) = (self.width / 2, height / 2);
        let text = format!("<text class=\"label\" x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{}</text>\n", escape(words));
        Self { height, ..self.clone() }.wrapped(place, top, &text)
    }

    fn wrapped(&self, place: Place, top: u32, elements: &str) -> String {
        let (width, height) = (self.width, self.height + top);
        let (title, description) = (escape(&self.title), escape(&self.description));
        let mut out = String::with_capacity(elements.len() + 1024);
        match place {
            Place::Page => {
                // A wide chart scrolls on a narrow screen, so the keyboard must reach it.
                let (size, scrolls) = if self.width >= FULL {
                    ("wide", {
                        let end = if self.newest_last { " data-end" } else { "" };
                        format!(" tabindex=\"0\" role=\"region\" aria-label=\"{title}\"{end}")
                    })
                } else {
                    ("half", String::new())
                };
                write(
                    &mut out,
                    format_args!(
                        "<div class=\"canvas\"{scrolls}><svg class=\"chart {size}\" viewBox=\"0 0 {width} {height}\" role=\"graphics-document\" aria-label=\"{title}. {description}\">\n{elements}</svg></div>"
                    ),
                );
            }
            Place::File => write(
                &mut out,
                format_args!(
                    "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"graphics-document\" aria-labelledby=\"title description\">\n<title id=\"title\">{title}</title>\n<desc id=\"description\">{description}</desc>\n<style>{}</style>\n<rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n<text class=\"heading\" x=\"12\" y=\"23\">{title}</text>\n<g transform=\"translate(0 {top})\">\n{elements}</g>\n</svg>\n",
                    palette::file_style()
                ),
            ),
        }
        out
    }
}

/// Draws two axes with their grid onto an area.
pub(crate) fn axes<'a, 'b>(area: &'a DrawingArea<Ink<'b>, Shift>, left: u32, x: &Axis, y: &Axis) -> Plotted<Plot<'a, 'b>> {
    let bottom = match (x.ticks.is_empty(), x.title.is_empty()) {
        (true, _) => 8,
        (false, true) => 26,
        (false, false) => 43,
    };
    let mut plot = ChartBuilder::on(area)
        .margin_top(120)
        .margin_right(140)
        .y_label_area_size(left * 10)
        .x_label_area_size(bottom * 10)
        .build_cartesian_2d(x.clone(), y.clone())?;
    plot.configure_mesh()
        .bold_line_style(Tone::Grid.line(1))
        .light_line_style(TRANSPARENT)
        .axis_style(Tone::Axis.line(1))
        .label_style(("tick", 110))
        .axis_desc_style(("axis-title", 120))
        .set_all_tick_mark_size(40)
        .x_desc(x.title.as_str())
        .y_desc(y.title.as_str())
        .draw()?;
    Ok(plot)
}

/// Words at a place of the plot.
pub(crate) fn words(
    text: &str,
    class: &'static str,
    at: (f64, f64),
    across: HPos,
    down: VPos,
) -> Text<'static, (f64, f64), String> {
    Text::new(text.to_owned(), at, (class, 110).into_text_style(&(1000, 1000)).pos(Pos::new(across, down)))
}
