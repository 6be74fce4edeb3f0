//! The form that chooses what a list or comparison shows: plain selects and GET, so every choice is an address.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::text::Texts;
use crate::view::{Facet, FacetOption};

/// The form; a facet with fewer than two options is not shown.
#[derive(Template)]
#[template(path = "part/facets.html")]
pub(super) struct Facets<'a> {
    action: &'a str,
    facets: Vec<Shown<'a>>,
    show: &'static str,
}

struct Shown<'a> {
    name: &'a str,
    label: &'a str,
    all: &'static str,
    options: &'a [FacetOption],
}

impl HtmlSafe for Facets<'_> {}

impl<'a> Facets<'a> {
    pub(super) fn new(action: &'a str, facets: &'a [Facet], t: &'static Texts) -> Self {
        let shown = |facet: &'a Facet| Shown {
            name: &facet.name,
            label: t.compare.facet(&facet.name),
            all: if facet.name == "base" { t.compare.no_base } else { t.compare.all },
            options: &facet.options,
        };
        let facets = facets.iter().filter(|facet| facet.options.len() > 1).map(shown).collect();
        Self { action, facets, show: t.compare.show }
    }
}
