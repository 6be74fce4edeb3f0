//! A word and its answer in one line of text height, to be embedded in a README or a chat: `badge.svg` beside a page.

use super::ink::escape;

/// How an answer looks; white text stands out from each by 4.5:1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing to do.
    Good,
    /// Something to do.
    Bad,
    /// Not known yet.
    Doubt,
    /// A plain figure.
    Plain,
}

impl Look {
    fn color(self) -> &'static str {
        match self {
            Self::Good => "#00694b",
            Self::Bad => "#b3261e",
            Self::Doubt => "#825200",
            Self::Plain => "#0b5cad",
        }
    }
}

/// Height of a badge in user units.
const HEIGHT: u32 = 20;
/// Room on each side of a text.
const PAD: u32 = 6;

/// About as wide as the text is at 11 units; the file tells viewers to fit it exactly.
fn width(text: &str) -> u32 {
    // Hangul and other full-width letters are twice as wide as Latin ones.
    let tenths: u32 = text.chars().map(|letter| if u32::from(letter) >= 0x1100 { 115 } else { 65 }).sum();
    tenths.div_ceil(10)
}

/// The badge: what on the left, the answer on the right.
pub(crate) fn badge(what: &str, answer: &str, look: Look) -> String {
    let (left, right) = (width(what), width(answer));
    let split = left + 2 * PAD;
    let all = split + right + 2 * PAD;
    let text = |words: &str, from: u32, width: u32| {
        format!(
            "<text x=\"{}\" y=\"14\" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\">{}</text>",
            from + PAD,
            escape(words)
        )
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{all}\" height=\"{HEIGHT}\" viewBox=\"0 0 {all} {HEIGHT}\" role=\"img\" \
         aria-label=\"{label}\"><title>{label}</title><clipPath id=\"round\"><rect width=\"{all}\" height=\"{HEIGHT}\" rx=\"3\"/></clipPath>\
         <g clip-path=\"url(#round)\"><rect width=\"{split}\" height=\"{HEIGHT}\" fill=\"#3d434a\"/>\
         <rect x=\"{split}\" width=\"{rest}\" height=\"{HEIGHT}\" fill=\"{color}\"/></g>\
         <g fill=\"#ffffff\" font-family=\"system-ui,-apple-system,Segoe UI,Roboto,sans-serif\" font-size=\"11\">{what}{answer}</g></svg>\n",
        label = escape(&format!("{what}: {answer}")),
        rest = all - split,
        color = look.color(),
        what = text(what, 0, left),
        answer = text(answer, split, right),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_says_both_texts_and_lets_neither_be_markup() {
        let svg = badge("gate <1>", "not slower & fine", Look::Good);
        assert!(svg.contains("<title>gate &lt;1&gt;: not slower &amp; fine</title>") && !svg.contains("<1>"), "{svg}");
        assert!(svg.contains("fill=\"#00694b\""));
        let width = |svg: &str| svg.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse::<u32>().unwrap();
        assert!(width(&badge("게이트", "느려짐", Look::Bad)) > width(&badge("abc", "def", Look::Bad)));
        assert!(width(&badge("", "", Look::Doubt)) >= 4 * PAD);
    }
}
