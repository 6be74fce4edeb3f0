//! Figures in cells and lists, and the frame around a chart.

use askama::Template;
use askama::filters::HtmlSafe;
use benchrack_protocol::api::{Estimate, Metric, Run};
use benchrack_protocol::reading::{Missing, Reading};

use super::{Ctx, Html};
use crate::format::{Scale, Unit};
use crate::text::Texts;
use crate::view::Figure;

/// A figure as text, or a dash that says why there is none.
#[derive(Template, Debug, Clone, PartialEq, Eq)]
#[template(
    ext = "html",
    source = r#"{% if missing.is_empty() %}<span class="num"{% if !title.is_empty() %} title="{{ title }}"{% endif %}>{{ text }}{% if !interval.is_empty() %} <small>{{ interval }}</small>{% endif %}</span>{% else %}<span class="none" title="{{ missing }}">–<span class="unseen"> {{ missing }}</span></span>{% endif %}"#
)]
pub(crate) struct Num {
    text: String,
    interval: String,
    title: String,
    missing: String,
}

impl HtmlSafe for Num {}

impl Num {
    /// A figure without an interval.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), interval: String::new(), title: String::new(), missing: String::new() }
    }

    /// No figure, for this reason.
    pub(crate) fn missing(why: impl Into<String>) -> Self {
        Self { missing: why.into(), ..Self::plain("") }
    }

    /// With more under the pointer.
    pub(crate) fn titled(self, title: String) -> Self {
        Self { title, ..self }
    }

    /// Value with its unit, the interval small behind it.
    pub(crate) fn of(estimate: &Estimate, unit: Unit) -> Self {
        Self::split(&unit.show_interval(estimate))
    }

    /// The interval small behind the value.
    pub(crate) fn split(shown: &str) -> Self {
        match shown.split_once(" [") {
            Some((value, interval)) => Self { interval: format!("[{interval}"), ..Self::plain(value) },
            None => Self::plain(shown),
        }
    }

    /// For a column with one prefix: the number alone, with unit and interval under the pointer.
    pub(crate) fn in_column(estimate: &Estimate, unit: Unit, scale: Scale) -> Self {
        Self { title: unit.show_interval(estimate), ..Self::plain(scale.number(estimate.value)) }
    }
}

/// Why a reading is missing, in words; none when it is there.
pub(crate) fn missing<T>(reading: &Reading<T>, t: &Texts) -> Option<String> {
    match reading {
        Reading::Value { .. } => None,
        Reading::Missing { missing, detail } if detail.is_empty() => Some(t.common.missing(*missing).into()),
        Reading::Missing { missing, detail } => Some(format!("{}: {detail}", t.common.missing(*missing))),
    }
}

/// A run's figure for a metric, missing when it failed or never had it.
pub(crate) fn metric_of(run: &Run, wanted: Metric) -> Figure {
    match run.metrics.iter().find(|(metric, _)| *metric == wanted) {
        Some((_, estimate)) => Reading::of(*estimate),
        None => match &run.failure {
            Some(failure) => Reading::missing(Missing::Unavailable, failure.detail.clone()),
            None => Reading::missing(Missing::NotAsked, String::new()),
        },
    }
}

/// A chart with its heading and links to it alone.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<figure class="figure"><figcaption>{% if main %}<h2>{{ title }}</h2>{% else %}<h3>{{ title }}</h3>{% endif %}<span class="quiet"><a href="{{ svg_href }}">SVG<span class="unseen"> {{ title }}</span></a> · <a href="{{ png_href }}">PNG<span class="unseen"> {{ title }}</span></a></span></figcaption>{{ svg }}{% if !note.is_empty() %}<p class="note">{{ note }}</p>{% endif %}</figure>"#
)]
pub(crate) struct ChartFigure {
    title: String,
    svg_href: String,
    png_href: String,
    svg: Html,
    note: String,
    main: bool,
}

impl ChartFigure {
    /// The page's chief chart, with a heading of the second level.
    pub(crate) fn main(self) -> Self {
        Self { main: true, ..self }
    }
}

impl HtmlSafe for ChartFigure {}

impl Ctx<'_> {
    /// A chart under its heading; `name` is its own among the page's charts.
    pub(crate) fn chart(&self, title: impl Into<String>, name: &str, svg: String, note: &str) -> ChartFigure {
        let [svg_href, png_href] = ["svg", "png"].map(|form| self.companion(&format!("{name}.{form}")));
        ChartFigure { title: title.into(), svg_href, png_href, svg: Html(svg), note: note.into(), main: false }
    }

    /// A figure or why there is none.
    pub(crate) fn figure(&self, figure: &Figure, unit: Unit) -> Num {
        match figure {
            Reading::Value { value } => Num::of(value, unit),
            Reading::Missing { .. } => Num::missing(self.why(figure)),
        }
    }

    /// A run's metric with its interval.
    pub(crate) fn metric(&self, run: &Run, metric: Metric) -> Num {
        self.figure(&metric_of(run, metric), Unit::of(metric))
    }

    /// A reading of a device that shows itself.
    pub(crate) fn reading<T: std::fmt::Display>(&self, reading: &Reading<T>) -> Num {
        match reading {
            Reading::Value { value } => Num::plain(value.to_string()),
            Reading::Missing { .. } => Num::missing(missing(reading, self.t).unwrap_or_default()),
        }
    }

    /// A figure that a manifest may lack.
    pub(crate) fn optional(&self, value: &Option<u64>, unit: Unit) -> Num {
        match value {
            Some(value) => Num::plain(unit.show(*value as f64)),
            None => Num::missing(self.t.common.not_in_manifest),
        }
    }
}
