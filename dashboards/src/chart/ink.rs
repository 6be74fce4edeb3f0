//! A plotters backend that writes SVG with classes in place of colours, so that one drawing fits a light and a dark
//! page, print, and a file of its own. Positions are in tenths of a user unit: plotters maps to whole numbers, and whole
//! user units would be too coarse to read figures back from a chart.

use std::convert::Infallible;
use std::fmt::{self, Write as _};

use plotters::prelude::*;
use plotters::style::RGBColor;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind, FontTransform};

/// Tenths of a user unit: the backend's pixel.
pub(crate) const TENTHS: i32 = 10;

/// Ends of writing into a `String`, which cannot fail.
pub(crate) type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// What a colour stands for; the style sheet gives each its shade for light and dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Tone {
    /// Lines of the grid.
    Grid,
    /// Axes and ticks.
    Axis,
    /// Shaded stretches of no judgement: every other block.
    Shade,
    /// What is allowed: a tolerance.
    Band,
    /// What a figure may be: an interval, an envelope.
    Span,
    /// Lines that guide the eye: a median, a front.
    Guide,
    /// Boundaries that something must keep.
    Limit,
    /// Data, told apart by colour and shape.
    Data(u8),
    /// A good end.
    Good,
    /// A bad end.
    Bad,
    /// Doubt.
    Doubt,
}

/// Number of colours for data.
pub(crate) const DATA_TONES: u8 = 8;

impl Tone {
    /// Class in the style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Axis => "axis",
            Self::Shade => "shade",
            Self::Band => "band",
            Self::Span => "span",
            Self::Guide => "guide",
            Self::Limit => "limit",
            Self::Data(nth) => ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"][usize::from(nth % DATA_TONES)],
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Doubt => "doubt",
        }
    }

    /// The number that plotters carries as a colour.
    fn code(self) -> u8 {
        match self {
            Self::Grid => 0,
            Self::Axis => 1,
            Self::Shade => 2,
            Self::Band => 3,
            Self::Guide => 4,
            Self::Limit => 5,
            Self::Good => 6,
            Self::Bad => 7,
            Self::Doubt => 8,
            Self::Span => 9,
            Self::Data(nth) => 16 + nth % DATA_TONES,
        }
    }

    fn decoded(code: u8) -> Self {
        match code {
            0 => Self::Grid,
            2 => Self::Shade,
            3 => Self::Band,
            4 => Self::Guide,
            5 => Self::Limit,
            6 => Self::Good,
            7 => Self::Bad,
            8 => Self::Doubt,
            9 => Self::Span,
            16.. => Self::Data(code - 16),
            _ => Self::Axis,
        }
    }

    /// As plotters wants it.
    pub(crate) fn color(self) -> RGBColor {
        RGBColor(self.code(), 0, 0)
    }

    /// A line of this tone.
    pub(crate) fn line(self, width: u32) -> ShapeStyle {
        Color::stroke_width(&self.color(), width)
    }

    /// An area of this tone.
    pub(crate) fn fill(self) -> ShapeStyle {
        self.color().filled()
    }
}

/// The backend; writes the elements only, the caller wraps them into `<svg>`.
pub(crate) struct Ink<'a> {
    out: &'a mut String,
    size: (u32, u32),
}

impl<'a> Ink<'a> {
    /// Draws `width` by `height` user units into `out`.
    pub(crate) fn new(out: &'a mut String, width: u32, height: u32) -> Self {
        Self { out, size: (width * TENTHS as u32, height * TENTHS as u32) }
    }

    /// Writes an element as it is; `element` must be well-formed, its texts escaped by [`escape`].
    pub(crate) fn raw(&mut self, element: fmt::Arguments<'_>) -> Drawn {
        write(self.out, element);
        Ok(())
    }

    fn points(&mut self, name: &str, class: &str, tone: BackendColor, path: impl IntoIterator<Item = BackendCoord>) {
        let tone = Tone::decoded(tone.rgb.0).class();
        write(self.out, format_args!("<{name} class=\"{class} {tone}\" points=\""));
        for (nth, (x, y)) in path.into_iter().enumerate() {
            let space = if nth == 0 { "" } else { " " };
            write(self.out, format_args!("{space}{},{}", Tenths(x), Tenths(y)));
        }
        self.out.push_str("\"/>\n");
    }
}

/// A number of tenths as a decimal: 123 is `12.3`.
pub(crate) struct Tenths(pub(crate) i32);

impl fmt::Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) = (self.0.unsigned_abs() / 10, self.0.unsigned_abs() % 10);
        if rest == 0 { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{rest}") }
    }
}

/// Text for an XML element or attribute. Control characters that XML 1.0 forbids become U+FFFD.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' | '\n' => safe.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// Appends; writing into a `String` does not fail.
pub(crate) fn write(out: &mut String, text: fmt::Arguments<'_>) {
    let written = out.write_fmt(text);
    debug_assert!(written.is_ok(), "a Display implementation failed");
}

impl DrawingBackend for Ink<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.draw_rect((x, y), (x + 1, y + 1), &color, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Drawn {
        let tone = Tone::decoded(style.color().rgb.0).class();
        let kind = if fill { "f" } else { "l" };
        let (x, y) = (from.0.min(to.0), from.1.min(to.1));
        let (width, height) = ((from.0 - to.0).abs(), (from.1 - to.1).abs());
        let (x, y, width, height) = (Tenths(x), Tenths(y), Tenths(width), Tenths(height));
        self.raw(format_args!("<rect class=\"{kind} {tone}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>\n"))
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let class = if style.stroke_width() > 1 { "l w2" } else { "l" };
        self.points("polyline", class, style.color(), path);
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        self.points("polygon", "f", style.color(), path);
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(&mut self, (x, y): BackendCoord, radius: u32, style: &S, fill: bool) -> Drawn {
        let tone = Tone::decoded(style.color().rgb.0).class();
        let kind = if fill { "f" } else { "l" };
        let (x, y, radius) = (Tenths(x), Tenths(y), f64::from(radius) / f64::from(TENTHS));
        self.raw(format_args!("<circle class=\"{kind} {tone}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>\n"))
    }

    /// The class is the style's font family: `tick`, `title`, `label`.
    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        let family = style.family();
        let class = family.as_str();
        let anchor = match style.anchor().h_pos {
            HPos::Left => "start",
            HPos::Right => "end",
            HPos::Center => "middle",
        };
        let below = match style.anchor().v_pos {
            VPos::Top => ".8em",
            VPos::Center => ".35em",
            VPos::Bottom => "-.35em",
        };
        let turn = match style.transform() {
            FontTransform::None => 0,
            FontTransform::Rotate90 => 90,
            FontTransform::Rotate180 => 180,
            FontTransform::Rotate270 => 270,
        };
        let (x, y, text) = (Tenths(x), Tenths(y), escape(text));
        if turn == 0 {
            self.raw(format_args!(
                "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" dy=\"{below}\" text-anchor=\"{anchor}\">{text}</text>\n"
            ))
        } else {
            self.raw(format_args!(
                "<text class=\"{class}\" transform=\"translate({x} {y}) rotate({turn})\" dy=\"{below}\" text-anchor=\"{anchor}\">{text}</text>\n"
            ))
        }
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Self::ErrorType>> {
        let size = style.size();
        let width = text.chars().count() as f64 * size * 0.56;
        Ok((width.ceil().max(0.0) as u32, size.ceil().max(0.0) as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenths_read_as_decimals() {
        let shown: Vec<String> = [0, 5, 10, 123, -5, -123].into_iter().map(|tenths| Tenths(tenths).to_string()).collect();
        assert_eq!(shown, ["0", "0.5", "1", "12.3", "-0.5", "-12.3"]);
    }

    #[test]
    fn every_tone_survives_the_way_through_plotters() {
        let mut tones = vec![
            Tone::Grid,
            Tone::Axis,
            Tone::Shade,
            Tone::Band,
            Tone::Span,
            Tone::Guide,
            Tone::Limit,
            Tone::Good,
            Tone::Bad,
            Tone::Doubt,
        ];
        tones.extend((0..DATA_TONES).map(Tone::Data));
        for tone in tones {
            assert_eq!(Tone::decoded(tone.code()), tone);
        }
    }

    #[test]
    fn text_cannot_leave_its_element() {
        assert_eq!(escape("</title><script>'\"&\u{0}"), "&lt;/title&gt;&lt;script&gt;&#39;&quot;&amp;\u{fffd}");
    }
}
