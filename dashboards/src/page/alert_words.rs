//! An alert in five answers: what got worse, where, since when, by how much, and how sure that is. And the form in which
//! people decide about it.

use askama::Template;
use askama::filters::HtmlSafe;
use benchrack_protocol::alert::{Alert, AlertKind, Finding, TriageState};

use crate::format::change_interval;
use crate::link;
use crate::part::Ctx;
use crate::text::fill;

/// The fields of a decision; the form around them says about which alerts.
#[derive(Template)]
#[template(path = "part/triage.html")]
pub(super) struct Triage<'a> {
    c: &'a Ctx<'a>,
    /// Value, name, and the key that chooses it.
    choices: Vec<(&'static str, &'static str, char)>,
}

impl HtmlSafe for Triage<'_> {}

impl<'a> Triage<'a> {
    pub(super) fn new(c: &'a Ctx<'a>) -> Self {
        let states = TriageState::ALL.into_iter().filter(|state| *state != TriageState::New);
        let choice =
            |state: TriageState| (state.name(), c.t.alert.triage_state(state), state.name().chars().next().unwrap_or_default());
        Self { c, choices: states.map(choice).collect() }
    }
}

/// One answer.
pub(super) struct Tile {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) href: Option<String>,
    pub(super) sub: String,
}

/// The finding with the largest change; the first where none is known.
fn worst(alert: &Alert) -> Option<&Finding> {
    let size = |finding: &Finding| finding.effect.map_or(-1.0, |effect| effect.value.abs());
    alert.findings.iter().rev().max_by(|a, b| size(a).total_cmp(&size(b)))
}

/// Names of the devices, each once, in the order of the findings.
fn devices(alert: &Alert) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for finding in &alert.findings {
        if !names.contains(&finding.device_name.as_str()) {
            names.push(&finding.device_name);
        }
    }
    names
}

/// `pixel-8, workbench and 3 more`.
fn few(names: &[&str], c: &Ctx<'_>) -> String {
    match names {
        [a, b, rest @ ..] if rest.len() > 1 => fill(c.t.alert.and_more, &[&format!("{a}, {b}"), &rest.len()]),
        names => names.join(", "),
    }
}

/// What was found, in two or three words.
fn subject(finding: &Finding, c: &Ctx<'_>) -> String {
    fill(c.t.alert.of_subject, &[&finding.bad.name, &finding.bad.precision, &c.t.common.metric(finding.metric)])
}

fn effect(finding: &Finding, c: &Ctx<'_>) -> String {
    finding.effect.as_ref().map_or_else(|| c.t.alert.not_measured.to_owned(), change_interval)
}

/// What stands for the gate where there is none.
pub(super) fn proof(alert: &Alert, c: &Ctx<'_>) -> &'static str {
    match alert.kind {
        AlertKind::DeviceDrift => c.t.alert.control,
        AlertKind::Regression => c.t.alert.exact,
    }
}

/// An alert in a heading and a sentence.
pub(super) fn told(alert: &Alert, c: &Ctx<'_>) -> (String, String) {
    let Some(worst) = worst(alert) else { return (c.said_plainly(&alert.title), String::new()) };
    let devices = few(&devices(alert), c);
    match alert.kind {
        AlertKind::Regression => {
            let words = fill(c.t.alert.on_since, &[&effect(worst, c), &devices, &worst.bad.word()]);
            (subject(worst, c), words)
        }
        AlertKind::DeviceDrift => (devices, format!("{} · {}", effect(worst, c), c.t.alert.sure_control)),
    }
}

/// The five answers.
pub(super) fn tiles(alert: &Alert, c: &Ctx<'_>) -> Vec<Tile> {
    let a = &c.t.alert;
    let Some(worst) = worst(alert) else { return Vec::new() };
    let names = devices(alert);
    let drift = alert.kind == AlertKind::DeviceDrift;
    let sub = match worst.suspects {
        _ if drift => String::new(),
        0 | 1 => fill(a.last_good, &[&worst.good.word()]),
        many => format!("{} · {}", fill(a.last_good, &[&worst.good.word()]), fill(a.one_of, &[&(many - 1)])),
    };
    let since = if drift { crate::part::instant(worst.found_at) } else { worst.bad.word() };
    let sure = match worst.gate {
        Some(gate) => {
            Tile { name: a.how_sure, value: fill(a.gate, &[&gate]), href: Some(link::gate(gate)), sub: a.sure_gate.into() }
        }
        None => Tile {
            name: a.how_sure,
            value: proof(alert, c).into(),
            href: Some(link::series(worst.series)),
            sub: if drift { a.sure_control } else { a.sure_exact }.into(),
        },
    };
    vec![
        Tile { name: a.what, value: subject(worst, c), href: Some(link::series(worst.series)), sub: String::new() },
        Tile {
            name: a.where_,
            value: few(&names, c),
            href: (names.len() == 1).then(|| link::device(worst.device)),
            sub: String::new(),
        },
        Tile { name: a.since, value: since, href: worst.bad.run.map(link::run), sub },
        Tile {
            name: a.by_how_much,
            value: effect(worst, c),
            href: None,
            sub: if names.len() > 1 { fill(a.most_of_all, &[&worst.device_name]) } else { String::new() },
        },
        sure,
    ]
}
