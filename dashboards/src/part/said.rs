//! Sentences that come whole in English, in the reader's language.

use askama::Template;
use askama::filters::HtmlSafe;

use super::Ctx;
use crate::text::{Piece, plainly, said};

/// A sentence; what of it stays English says so to programs that read aloud.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<bdi{% if english %} lang="en"{% endif %}>{% for piece in pieces %}{% match piece %}{% when Piece::Words(words) %}{{ words }}{% when Piece::Value(value) %}<bdi>{{ value }}</bdi>{% when Piece::English(text) %}{% if english %}{{ text }}{% else %}<span lang="en">{{ text }}</span>{% endif %}{% endmatch %}{% endfor %}</bdi>"#
)]
pub(crate) struct Said<'a> {
    /// Whether all of it is.
    english: bool,
    pieces: Vec<Piece<'a>>,
}

impl HtmlSafe for Said<'_> {}

impl Ctx<'_> {
    /// A sentence of the server or of an agent.
    pub(crate) fn said<'a>(&self, sentence: &'a str) -> Said<'a> {
        let pieces = said(sentence, self.t);
        Said { english: matches!(pieces[..], [Piece::English(_)]), pieces }
    }

    /// The same where only plain text can stand.
    pub(crate) fn said_plainly(&self, sentence: &str) -> String {
        plainly(sentence, self.t)
    }
}
