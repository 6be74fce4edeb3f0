//! The first page: is anything wrong, and what happened last.

use askama::Template;
use time::OffsetDateTime;

use super::rack::Card;
use super::render;
use crate::chart::{Look, badge};
use crate::part::{Badge, Ctx, Tab};
use crate::text::{Texts, fill, texts};
use crate::view::{HomeView, SessionRow, SilentDevice, Trouble};
use crate::{Chrome, Language, Page, RenderError, link};

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    c: &'a Ctx<'a>,
    v: &'a HomeView,
    headline: String,
    /// Each with the devices it is about, where those are several.
    troubles: Vec<(Told, &'a [SilentDevice])>,
    queue: String,
    cards: Vec<Card<'a>>,
}

/// A trouble in words.
struct Told {
    badge: Badge,
    href: String,
    title: String,
    at: Option<OffsetDateTime>,
    detail: String,
}

fn told(trouble: &Trouble, c: &Ctx<'_>) -> Told {
    let h = &c.t.home;
    let plain = |word: &str| Badge { word: word.into(), ..c.answer(false, "", "") };
    match trouble {
        Trouble::Quarantined { device, reason } => Told {
            badge: c.state("quarantined", &None),
            href: link::device(device.id),
            title: device.name.clone(),
            at: None,
            detail: c.said_plainly(reason),
        },
        Trouble::Offline { devices } => {
            let badge = c.state("offline", &None);
            if let [SilentDevice { device, last_seen_at }] = devices.as_slice() {
                let (href, title, at) = (link::device(device.id), device.name.clone(), Some(*last_seen_at));
                return Told { badge, href, title, at, detail: h.offline.into() };
            }
            let title = fill(h.devices, &[&devices.len()]);
            Told { badge, href: link::RACK.into(), title, at: None, detail: h.silent.into() }
        }
        Trouble::Alert { alert } => {
            let (title, detail) = super::alert_words::told(alert, c);
            let at = Some(alert.raised_at);
            Told { badge: c.triage(alert.state), href: link::alert(alert.id), title, at, detail }
        }
        Trouble::GateSlower { gate, summary, verdict } => Told {
            badge: c.verdict(&Some(*verdict)),
            href: link::gate(*gate),
            title: fill(h.gate, &[gate]),
            at: None,
            detail: c.said_plainly(summary),
        },
        Trouble::RunsFailed { device, count, failure, newest } => Told {
            badge: plain(c.t.common.failed),
            href: link::run(*newest),
            title: fill(h.runs_failed, &[count, &device.name]),
            at: None,
            detail: format!("{}: {}", c.t.run.failure(&failure.reason), failure.detail),
        },
        Trouble::RunsInvalid { device, count, of, doubt, newest } => Told {
            badge: plain(c.t.common.invalid),
            href: link::run(*newest),
            title: fill(h.runs_invalid, &[count, of, &device.name]),
            at: None,
            detail: doubt
                .as_ref()
                .map(|doubt| fill(c.t.common.reason, &[&c.t.common.doubt(doubt.reason), &c.said_plainly(&doubt.detail)]))
                .unwrap_or_default(),
        },
        Trouble::Stuck { jobs, since, device, state } => Told {
            badge: plain(h.stuck),
            href: link::device(device.id),
            title: fill(h.jobs_wait, &[jobs]),
            at: Some(*since),
            detail: format!("{}: {}", device.name, c.state(state, &None).word),
        },
    }
}

/// The devices of a trouble that is about several.
fn several(trouble: &Trouble) -> &[SilentDevice] {
    match trouble {
        Trouble::Offline { devices } if devices.len() > 1 => devices,
        _ => &[],
    }
}

/// The runs of a session by how they ended: class of the badge and words, those that happened only.
fn tally(session: &SessionRow, t: &Texts) -> Vec<(&'static str, String)> {
    let c = &t.common;
    [
        ("good", session.valid, c.valid),
        ("doubt", session.degraded, c.degraded),
        ("bad", session.invalid, c.invalid),
        ("bad", session.failed, c.failed),
    ]
    .into_iter()
    .filter(|(_, count, _)| *count > 0)
    .map(|(tone, count, word)| (tone, format!("{count} {word}")))
    .collect()
}

impl Page for HomeView {
    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let c = Ctx::new(chrome, "", Tab::Home).at(link::HOME, "").living();
        let c = &Ctx { title: c.t.home.title.into(), ..c };
        let headline = match self.troubles.len() {
            1 => c.t.home.one_trouble.to_owned(),
            many => fill(c.t.home.troubles, &[&many]),
        };
        let troubles = self.troubles.iter().map(|trouble| (told(trouble, c), several(trouble))).collect();
        let cards = self.devices.iter().map(|device| Card::new(c, device, false)).collect();
        render(&Home { c, v: self, headline, troubles, queue: c.queue(&self.queue), cards })
    }

    fn badge_svg(&self, language: Language) -> Option<String> {
        let h = &texts(language).home;
        let (answer, look) = match self.troubles.len() {
            0 if self.devices.is_empty() => (h.empty.to_owned(), Look::Doubt),
            0 => (h.calm.to_owned(), Look::Good),
            1 => (h.one_trouble.to_owned(), Look::Bad),
            many => (fill(h.troubles, &[&many]), Look::Bad),
        };
        Some(badge("benchrack", &answer, look))
    }
}
