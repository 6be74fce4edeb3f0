//! All alerts, and one of them. The list draws no charts, so that hundreds can be looked through.

use askama::Template;
use benchrack_protocol::alert::{Alert, Finding, TriageState};

use super::alert_words::{Tile, Triage, proof, tiles};
use super::render;
use crate::chart::{self, Look, Place, badge, findings};
use crate::format::change_interval;
use crate::part::{Badge, ChartFigure, Ctx, Num, Tab};
use crate::table::Table;
use crate::text::{fill, texts};
use crate::view::{AlertListView, AlertView};
use crate::{Chrome, Language, Page, RenderError, link};

#[derive(Template)]
#[template(path = "alert_list.html")]
struct AlertList<'a> {
    c: &'a Ctx<'a>,
    v: &'a AlertListView,
    states: Vec<(String, &'static str, bool)>,
    rows: Vec<Row<'a>>,
    triage: Triage<'a>,
}

struct Row<'a> {
    alert: &'a Alert,
    /// What its box is called.
    pick: String,
    state: Badge,
    kind: &'static str,
    overdue: bool,
    worst: Num,
    order: String,
    devices: usize,
}

fn worst(alert: &Alert) -> Option<f64> {
    let changes = alert.findings.iter().filter_map(|finding| finding.effect).map(|effect| effect.value);
    changes.reduce(|a, b| if b.abs() > a.abs() { b } else { a })
}

fn devices(alert: &Alert) -> usize {
    let mut ids: Vec<_> = alert.findings.iter().map(|finding| finding.device).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.len()
}

fn is_overdue(alert: &Alert, chrome: &Chrome) -> bool {
    alert.state == TriageState::Confirmed && alert.due_at.is_some_and(|due| due < chrome.now)
}

impl Page for AlertListView {
    fn badge_svg(&self, language: Language) -> Option<String> {
        let t = texts(language);
        let waiting = |alert: &&Alert| matches!(alert.state, TriageState::New | TriageState::Confirmed);
        let open = self.rows.iter().filter(waiting).count();
        let look = if open == 0 { Look::Good } else { Look::Bad };
        Some(badge(t.common.alerts, &open.to_string(), look))
    }

    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let query = self.state.map_or_else(String::new, |state| format!("state={}", state.name()));
        let c = Ctx::new(chrome, "", Tab::Alerts).at(link::ALERTS, &query).with_csv().living();
        let c = &Ctx { title: c.t.common.alerts.into(), ..c };
        let state = |state: TriageState| {
            (format!("{}?state={}", link::ALERTS, state.name()), c.t.alert.triage_state(state), self.state == Some(state))
        };
        let mut states = vec![(link::ALERTS.to_owned(), c.t.alert.all, self.state.is_none())];
        states.extend(TriageState::ALL.map(state));
        let rows = self.rows.iter().map(|alert| {
            let worst = worst(alert);
            Row {
                alert,
                pick: fill(c.t.alert.pick, &[&c.said_plainly(&alert.title)]),
                state: c.triage(alert.state),
                kind: c.t.alert.kind_word(alert.kind),
                overdue: is_overdue(alert, chrome),
                worst: worst
                    .map_or_else(|| Num::missing(c.t.alert.not_measured), |share| Num::plain(crate::format::change(share))),
                order: worst.map(|share| share.to_string()).unwrap_or_default(),
                devices: devices(alert),
            }
        });
        render(&AlertList { c, v: self, states, rows: rows.collect(), triage: Triage::new(c) })
    }

    fn csv(&self) -> Result<Option<String>, RenderError> {
        let heading = [
            "alert",
            "kind",
            "title",
            "state",
            "owner",
            "reason",
            "due_at",
            "raised_at",
            "largest_change",
            "devices",
            "findings",
        ];
        let mut table = Table::new(&heading);
        for alert in &self.rows {
            table.row([
                alert.id.to_string(),
                Table::word(&alert.kind),
                Table::text(&alert.title),
                Table::word(&alert.state),
                Table::text(alert.owner.as_deref().unwrap_or_default()),
                Table::text(alert.reason.as_deref().unwrap_or_default()),
                Table::maybe(alert.due_at.map(Table::time)),
                Table::time(alert.raised_at),
                Table::maybe(worst(alert)),
                devices(alert).to_string(),
                alert.findings.len().to_string(),
            ])?;
        }
        table.finish().map(Some)
    }
}

#[derive(Template)]
#[template(path = "alert.html")]
struct One<'a> {
    c: &'a Ctx<'a>,
    a: &'a Alert,
    state: Badge,
    kind: &'static str,
    overdue: bool,
    tiles: Vec<Tile>,
    chart: ChartFigure,
    findings: Vec<Found<'a>>,
    triage: Triage<'a>,
    commands: Vec<String>,
}

struct Found<'a> {
    finding: &'a Finding,
    metric: &'static str,
    effect: Num,
    order: String,
    proof: &'static str,
}

impl Page for AlertView {
    fn charts(&self) -> Vec<String> {
        vec![chart::FOREST.into()]
    }

    fn chart_svg(&self, name: &str, language: Language) -> Result<Option<String>, RenderError> {
        (name == chart::FOREST).then(|| findings(self, texts(language), Place::File)).transpose()
    }

    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let alert = &self.alert;
        let c = Ctx::new(chrome, "", Tab::Alerts).at(link::alert(alert.id), "").with_csv().living();
        let c = &Ctx { title: c.said_plainly(&alert.title), ..c };
        let found = alert.findings.iter().map(|finding| Found {
            finding,
            metric: c.t.common.metric(finding.metric),
            effect: match &finding.effect {
                Some(effect) => Num::split(&change_interval(effect)),
                None => Num::missing(c.t.alert.not_measured),
            },
            order: finding.effect.map(|effect| effect.value.to_string()).unwrap_or_default(),
            proof: proof(alert, c),
        });
        let command = |rest: &str| format!("benchrack alerts triage {} {rest}", alert.id);
        render(&One {
            c,
            a: alert,
            state: c.triage(alert.state),
            kind: c.t.alert.kind_word(alert.kind),
            overdue: is_overdue(alert, chrome),
            tiles: tiles(alert, c),
            chart: c.chart(c.t.alert.change, chart::FOREST, findings(self, c.t, Place::Page)?, ""),
            findings: found.collect(),
            triage: Triage::new(c),
            commands: vec![
                command("confirmed --owner NAME --due 14d"),
                command("expected --reason WHY"),
                command("ignored --reason WHY --due 30d"),
                command("fixed"),
            ],
        })
    }

    fn csv(&self) -> Result<Option<String>, RenderError> {
        let heading = [
            "series",
            "device",
            "metric",
            "change",
            "change_low",
            "change_high",
            "good_revision",
            "bad_revision",
            "good_sha256",
            "bad_sha256",
            "suspects",
            "gate",
            "found_at",
        ];
        let mut table = Table::new(&heading);
        for finding in &self.alert.findings {
            table.row([
                finding.series.to_string(),
                Table::text(&finding.device_name),
                finding.metric.name().into(),
                Table::maybe(finding.effect.map(|effect| effect.value)),
                Table::maybe(finding.effect.map(|effect| effect.low)),
                Table::maybe(finding.effect.map(|effect| effect.high)),
                Table::text(&finding.good.revision),
                Table::text(&finding.bad.revision),
                finding.good.artifact.to_string(),
                finding.bad.artifact.to_string(),
                finding.suspects.to_string(),
                Table::maybe(finding.gate),
                Table::time(finding.found_at),
            ])?;
        }
        table.finish().map(Some)
    }
}
