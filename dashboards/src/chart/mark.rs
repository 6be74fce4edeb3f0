//! A data point: a shape, its interval, the words that appear under the pointer, and a way to the run behind it.

use std::convert::Infallible;
use std::fmt::Write as _;

use plotters::element::{Drawable, PointCollection};
use plotters_backend::{BackendCoord, DrawingErrorKind};

use benchrack_protocol::ids::RunId;

use super::ink::{Ink, TENTHS, Tenths, Tone, escape};

/// Shapes that stay apart in grey as well; as many as there are tones for data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Circle,
    Square,
    Triangle,
    Diamond,
    Down,
    Cross,
    Pentagon,
    Star,
}

/// In the order of [`Tone::Data`].
pub(crate) const SHAPES: [Shape; 8] =
    [Shape::Circle, Shape::Square, Shape::Triangle, Shape::Diamond, Shape::Down, Shape::Cross, Shape::Pentagon, Shape::Star];

/// How a mark is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// Solid.
    Solid,
    /// Outline over the page's colour.
    Outline,
    /// Broken outline: does not count.
    Hollow,
    /// Solid without an edge, among very many.
    Tiny,
}

impl Body {
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Solid => "solid",
            Self::Outline => "outline",
            Self::Hollow => "hollow",
            Self::Tiny => "tiny",
        }
    }
}

/// One mark at a place of the chart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mark {
    /// Position; the ends of the interval follow, equal to it for an exact figure.
    pub(crate) places: [(f64, f64); 3],
    pub(crate) shape: Shape,
    /// Half the width in tenths of a user unit.
    pub(crate) radius: i32,
    pub(crate) tone: Tone,
    pub(crate) body: Body,
    /// What is told of it.
    pub(crate) words: String,
    /// Where it leads.
    pub(crate) href: Option<String>,
    /// Its run and its place among all points, by which a dragged stretch is asked for.
    pub(crate) point: Option<(RunId, usize)>,
}

impl Mark {
    /// A solid circle without interval.
    pub(crate) fn at(place: (f64, f64), tone: Tone, words: String) -> Self {
        Self { places: [place; 3], shape: Shape::Circle, radius: 42, tone, body: Body::Solid, words, href: None, point: None }
    }

    /// With an interval from one place to another.
    pub(crate) fn within(mut self, from: (f64, f64), to: (f64, f64)) -> Self {
        self.places[1] = from;
        self.places[2] = to;
        self
    }
}

impl<'a> PointCollection<'a, (f64, f64)> for &'a Mark {
    type Point = &'a (f64, f64);
    type IntoIter = std::slice::Iter<'a, (f64, f64)>;

    fn point_iter(self) -> Self::IntoIter {
        self.places.iter()
    }
}

impl<'b> Drawable<Ink<'b>> for Mark {
    fn draw<I: Iterator<Item = BackendCoord>>(
        &self,
        mut places: I,
        ink: &mut Ink<'b>,
        _: (u32, u32),
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let (Some(at), Some(from), Some(to)) = (places.next(), places.next(), places.next()) else { return Ok(()) };
        let (open, close) = match &self.href {
            Some(href) => (format!("<a href=\"{}\" tabindex=\"-1\">", escape(href)), "</a>"),
            None => (String::new(), ""),
        };
        let (tone, body, words) = (self.tone.class(), self.body.class(), escape(&self.words));
        let point = self.point.map(|(run, nth)| format!(" data-at=\"{run} {nth}\"")).unwrap_or_default();
        let interval = if from == to {
            String::new()
        } else {
            format!("<path class=\"interval\" d=\"M{},{}L{},{}\"/>", Tenths(from.0), Tenths(from.1), Tenths(to.0), Tenths(to.1))
        };
        let title = if words.is_empty() { String::new() } else { format!("<title>{words}</title>") };
        let outline = outline(self.shape, at, self.radius);
        ink.raw(format_args!("{open}<g class=\"mark {body} {tone}\"{point}>{interval}{outline}{title}</g>{close}\n"))
    }
}

/// The shape's element around a place, `radius` in tenths.
pub(crate) fn outline(shape: Shape, (x, y): BackendCoord, radius: i32) -> String {
    let around = |turns: &[(f64, f64)]| {
        let mut path = String::from("<path d=\"");
        for (nth, (dx, dy)) in turns.iter().enumerate() {
            let (px, py) = (x + (dx * f64::from(radius)).round() as i32, y + (dy * f64::from(radius)).round() as i32);
            let step = if nth == 0 { 'M' } else { 'L' };
            let written = write!(path, "{step}{},{}", Tenths(px), Tenths(py));
            debug_assert!(written.is_ok(), "writing into a string does not fail");
        }
        path + "Z\"/>"
    };
    let ring = |corners: u32, inner: f64| -> Vec<(f64, f64)> {
        (0..corners)
            .map(|nth| {
                let angle = std::f64::consts::TAU * f64::from(nth) / f64::from(corners);
                let far = if nth % 2 == 1 { inner } else { 1.15 };
                (angle.sin() * far, -angle.cos() * far)
            })
            .collect()
    };
    match shape {
        Shape::Circle => {
            format!("<circle cx=\"{}\" cy=\"{}\" r=\"{}\"/>", Tenths(x), Tenths(y), f64::from(radius) / f64::from(TENTHS))
        }
        Shape::Square => around(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
        Shape::Triangle => around(&[(0.0, -1.15), (1.1, 0.85), (-1.1, 0.85)]),
        Shape::Diamond => around(&[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)]),
        Shape::Down => around(&[(0.0, 1.15), (1.1, -0.85), (-1.1, -0.85)]),
        Shape::Cross => around(&[
            (-0.4, -1.1),
            (0.4, -1.1),
            (0.4, -0.4),
            (1.1, -0.4),
            (1.1, 0.4),
            (0.4, 0.4),
            (0.4, 1.1),
            (-0.4, 1.1),
            (-0.4, 0.4),
            (-1.1, 0.4),
            (-1.1, -0.4),
            (-0.4, -0.4),
        ]),
        Shape::Pentagon => around(&ring(5, 1.15)),
        Shape::Star => around(&ring(10, 0.5)),
    }
}
