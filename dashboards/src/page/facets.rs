//! The form that chooses what a list or comparison shows: plain selects and GET, so every choice is an address.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::text::{Texts, fill};
use crate::view::{BudgetLine, Dimension, Facet, FacetOption};

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
    name: &'static str,
    label: String,
    value: String,
}

impl Field {
    /// The limit of a budget.
    pub(super) fn of(budget: &BudgetLine, t: &Texts) -> Self {
        Self {
            name: budget.field,
            label: fill(t.compare.at_most, &[&t.compare.dimension(budget.dimension, t), &budget.symbol]),
            value: budget.limit.map(|limit| limit.to_string()).unwrap_or_default(),
        }
    }
}

/// A limit that one click sets, or takes away.
pub(super) struct Preset {
    pub(super) name: String,
    pub(super) href: String,
    pub(super) set: bool,
}

impl Preset {
    /// A link to the same view with this limit in the budget's own unit; everything else that was chosen is kept.
    pub(super) fn new(name: String, (path, query): (&str, &str), budget: &BudgetLine, limit: f64) -> Self {
        let set = budget.limit == Some(limit);
        let others = query.split('&').filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(budget.field));
        let own = (!set).then(|| format!("{}={limit}", budget.field));
        let query: Vec<String> = others.map(str::to_owned).chain(own).collect();
        Self { name, href: format!("{path}?{}", query.join("&")), set }
    }
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
