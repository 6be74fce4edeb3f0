//! The form that chooses what a list or comparison shows: plain selects and GET, so every choice is an address.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::text::Texts;
use crate::view::{Dimension, Facet, FacetOption};

/// The form; a facet with fewer than two options is not shown.
#[derive(Template)]
#[template(path = "part/facets.html")]
pub(super) struct Facets<'a> {
    action: &'a str,
    facets: Vec<Shown<'a>>,
    fields: Vec<Field>,
    show: &'static str,
}

/// A number to type.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: String,
    pub(super) value: String,
}

struct Shown<'a> {
    name: &'a str,
    label: &'a str,
    all: &'static str,
    options: Vec<(&'a FacetOption, &'a str)>,
}

impl HtmlSafe for Facets<'_> {}

impl<'a> Facets<'a> {
    pub(super) fn new(action: &'a str, facets: &'a [Facet], t: &'static Texts) -> Self {
        let shown = |facet: &'a Facet| Shown {
            name: &facet.name,
            label: t.compare.facet(&facet.name),
            all: if matches!(facet.name.as_str(), "base" | "x" | "y") { t.compare.no_base } else { t.compare.all },
            options: facet.options.iter().map(|option| (option, label(&facet.name, option, t))).collect(),
        };
        let facets = facets.iter().filter(|facet| facet.options.len() > 1).map(shown).collect();
        Self { action, facets, fields: Vec::new(), show: t.compare.show }
    }

    /// With numbers to type.
    pub(super) fn with(self, fields: Vec<Field>) -> Self {
        Self { fields, ..self }
    }
}

/// What an option is called: figures by their names in the reader's language, others as they are.
fn label<'a>(facet: &str, option: &'a FacetOption, t: &'static Texts) -> &'a str {
    match option.value.parse::<Dimension>() {
        Ok(dimension) if matches!(facet, "x" | "y") => t.compare.dimension(dimension, t),
        _ => &option.label,
    }
}
