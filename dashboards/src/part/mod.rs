//! Pieces of HTML that several pages have: instants, badges, figures, lists of runs. Each is a small template of its
//! own, so that what it shows is escaped like everything else.

mod badge;
mod figure;
mod runs;
mod said;
mod stamp;

use askama::filters::HtmlSafe;
pub(crate) use badge::*;
pub(crate) use figure::*;
pub(crate) use stamp::*;

use crate::asset;
use crate::chrome::{Account, Chrome, Theme};
use crate::text::{Texts, fill, texts};
use crate::view::Figure;

/// HTML that is safe as it is: made by a template or a chart of this crate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Html(pub(crate) String);

impl std::fmt::Display for Html {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

/// Places of the top bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    Home,
    Rack,
    Compare,
    Series,
    Models,
    Engines,
    Gates,
    Alerts,
    Studies,
    Other,
}

/// What every template sees as `c`: the frame of the page and the makers of its pieces.
pub(crate) struct Ctx<'a> {
    pub(crate) chrome: &'a Chrome,
    pub(crate) t: &'static Texts,
    pub(crate) title: String,
    pub(crate) tab: Tab,
    /// The page's own path, without the query, where its companions are; none for pages without.
    pub(crate) path: Option<String>,
    /// The query of this view, without `?`.
    pub(crate) query: String,
    /// Whether there is a `table.csv`.
    pub(crate) csv: bool,
    /// Whether parts of the page change while it is looked at.
    pub(crate) live: bool,
    /// What the field at the top holds.
    pub(crate) sought: String,
}

/// A page of the main navigation, and the key that leads there after `g`.
pub(crate) struct TabLink {
    pub(crate) href: &'static str,
    pub(crate) name: &'static str,
    pub(crate) here: bool,
    pub(crate) key: char,
}

impl<'a> Ctx<'a> {
    pub(crate) fn new(chrome: &'a Chrome, title: impl Into<String>, tab: Tab) -> Self {
        let t = texts(chrome.preferences.language);
        Self {
            chrome,
            t,
            title: title.into(),
            tab,
            path: None,
            query: String::new(),
            csv: false,
            live: false,
            sought: String::new(),
        }
    }

    /// With its own path and query, so with a JSON form.
    pub(crate) fn at(mut self, path: impl Into<String>, query: &str) -> Self {
        self.path = Some(path.into());
        self.query = query.into();
        self
    }

    /// With a table to download.
    pub(crate) fn with_csv(mut self) -> Self {
        self.csv = true;
        self
    }

    /// With parts that change.
    pub(crate) fn living(mut self) -> Self {
        self.live = true;
        self
    }

    /// Address of something that stands beside this page.
    pub(crate) fn companion(&self, name: &str) -> String {
        let path = self.path.as_deref().unwrap_or_default().trim_end_matches('/');
        let question = if self.query.is_empty() { "" } else { "?" };
        format!("{path}/{name}{question}{}", self.query)
    }

    pub(crate) fn css(&self) -> &'static str {
        asset::url("benchrack.css")
    }

    pub(crate) fn js(&self) -> &'static str {
        asset::url("benchrack.js")
    }

    pub(crate) fn icon(&self) -> &'static str {
        asset::url("icon.svg")
    }

    /// Where a view is kept under a name.
    pub(crate) fn save_view(&self) -> &'static str {
        crate::link::SAVE_VIEW
    }

    /// Where the field at the top asks.
    pub(crate) fn search(&self) -> &'static str {
        crate::link::SEARCH
    }

    pub(crate) fn tabs(&self) -> [TabLink; 8] {
        let n = &self.t.common;
        [
            (crate::link::RACK, n.rack, Tab::Rack, 'r'),
            (crate::link::COMPARE, n.compare, Tab::Compare, 'c'),
            (crate::link::SERIES, n.series, Tab::Series, 's'),
            (crate::link::MODELS, n.models, Tab::Models, 'm'),
            (crate::link::ENGINES, n.engines, Tab::Engines, 'e'),
            (crate::link::GATES, n.gates, Tab::Gates, 't'),
            (crate::link::ALERTS, n.alerts, Tab::Alerts, 'a'),
            (crate::link::STUDIES, n.studies, Tab::Studies, 'u'),
        ]
        .map(|(href, name, tab, key)| TabLink { href, name, here: self.tab == tab, key })
    }

    /// What the button for colours sends and says.
    pub(crate) fn next_theme(&self) -> (&'static str, &'static str) {
        let n = &self.t.common;
        match self.chrome.preferences.theme {
            Theme::Auto => (Theme::Dark.name(), n.theme_auto),
            Theme::Dark => (Theme::Light.name(), n.theme_dark),
            Theme::Light => (Theme::Auto.name(), n.theme_light),
        }
    }

    pub(crate) fn next_language(&self) -> (&'static str, &'static str) {
        match self.t.language {
            crate::Language::English => (crate::Language::Korean.tag(), "한국어"),
            crate::Language::Korean => (crate::Language::English.tag(), "English"),
        }
    }

    pub(crate) fn account(&self) -> Option<&str> {
        match &self.chrome.account {
            Account::Token(name) => Some(name),
            Account::Open | Account::Anonymous => None,
        }
    }

    pub(crate) fn anonymous(&self) -> bool {
        self.chrome.account == Account::Anonymous
    }

    /// An instant, counted back from the server's clock.
    pub(crate) fn time(&self, at: &time::OffsetDateTime) -> Stamp {
        Stamp::new(*at, self.chrome.now, self.t)
    }

    /// The server's clock for machines.
    pub(crate) fn machine_now(&self) -> String {
        crate::table::Table::time(self.chrome.now)
    }

    /// The server's clock for people.
    pub(crate) fn now(&self) -> String {
        instant(self.chrome.now)
    }

    /// A text with a value in its place.
    pub(crate) fn fill1(&self, text: &str, value: &dyn std::fmt::Display) -> String {
        fill(text, &[value])
    }

    /// A text with two values in their places.
    pub(crate) fn fill2(&self, text: &str, first: &dyn std::fmt::Display, second: &dyn std::fmt::Display) -> String {
        fill(text, &[first, second])
    }

    /// Size in an app, target and origin of an engine's build.
    pub(crate) fn build_words(&self, build: &benchrack_protocol::engine::EngineBuild) -> String {
        fill(self.t.run.build_words, &[&build.installed_size, &build.target, &build.origin])
    }

    /// Why a figure is missing.
    pub(crate) fn why(&self, figure: &Figure) -> String {
        missing(figure, self.t).unwrap_or_default()
    }
}
