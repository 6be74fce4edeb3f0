//! What fits some words.

use askama::Template;

use super::render;
use crate::part::{Ctx, Tab};
use crate::text::fill;
use crate::view::{Hit, SearchView};
use crate::{Chrome, Page, RenderError, link};

#[derive(Template)]
#[template(path = "search.html")]
struct Search<'a> {
    c: &'a Ctx<'a>,
    hits: Vec<(&'static str, &'a Hit)>,
    nothing: String,
    more: bool,
}

impl Page for SearchView {
    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let c = Ctx::new(chrome, "", Tab::Other).at(link::SEARCH, &self.address);
        let c = &Ctx { title: c.t.common.search.into(), sought: self.query.clone(), ..c };
        let nothing = if self.query.is_empty() { String::new() } else { fill(c.t.search.nothing, &[&self.query]) };
        let hits = self.hits.iter().map(|hit| (c.t.search.kind_word(hit.kind, &c.t.common), hit));
        render(&Search { c, hits: hits.collect(), nothing, more: self.more })
    }
}
