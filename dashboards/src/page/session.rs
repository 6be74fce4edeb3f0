//! One session: its subjects side by side, and what was watched beside them.

use askama::Template;
use benchrack_protocol::api::Run;

use super::render;
use super::run::plan_words;
use super::run_table::runs_csv;
use super::run_words::Evidence;
use crate::chart::{self, Place, Watched, pairs, turns, watch};
use crate::format::Unit;
use crate::part::{ChartFigure, Ctx, Tab};
use crate::text::{fill, texts};
use crate::view::SessionView;
use crate::{Chrome, Language, Page, RenderError, link};

#[derive(Template)]
#[template(path = "session.html")]
struct Session<'a> {
    c: &'a Ctx<'a>,
    v: &'a SessionView,
    plan: String,
    runs: Vec<Run>,
    turns: Option<ChartFigure>,
    pairs: Vec<ChartFigure>,
    watched: Vec<ChartFigure>,
    /// What this device does not show, one sentence each.
    absent: Vec<String>,
    evidence: Evidence<'a>,
}

impl Page for SessionView {
    fn charts(&self) -> Vec<String> {
        let pairs = (1..=self.pairs.len()).map(|nth| format!("{}-{nth}", chart::PAIR));
        pairs.chain([chart::TURNS.to_owned()]).chain(Watched::ALL.map(|watched| watched.name().to_owned())).collect()
    }

    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let c = Ctx::new(chrome, "", Tab::Other).at(link::session(self.id), "").with_csv();
        let c = &Ctx { title: fill(c.t.run.session, &[&self.id]), ..c };
        let (mut watched, mut absent) = (Vec::new(), Vec::new());
        for kind in Watched::ALL {
            let drawn =
                self.evidence.as_ref().map(|evidence| watch(evidence, kind, None, c.t, Place::Page)).transpose()?.flatten();
            match drawn {
                Some(svg) => {
                    let note = if kind == Watched::Clocks { c.t.chart.clocks_note } else { "" };
                    watched.push(c.chart(kind.title(c.t), kind.name(), svg, note));
                }
                None => absent.push(fill(c.t.run.not_watched, &[&kind.title(c.t)])),
            }
        }
        let pair_charts = self.pairs.iter().enumerate().map(|(nth, pair)| {
            let title = fill(c.t.chart.pair_title, &[&pair.candidate, &pair.base]);
            Ok(c.chart(title, &format!("{}-{}", chart::PAIR, nth + 1), pairs(pair, c.t, Place::Page)?, ""))
        });
        let turns = turns(self, c.t, Place::Page)?.map(|svg| c.chart(c.t.chart.turns, chart::TURNS, svg, ""));
        render(&Session {
            c,
            v: self,
            plan: plan_words(&self.plan, c.t),
            runs: self.subjects.iter().map(|subject| subject.run.clone()).collect(),
            turns,
            pairs: pair_charts.collect::<Result<_, RenderError>>()?,
            watched,
            absent,
            evidence: Evidence::new(self.evidence.as_ref(), None, &self.operating_point, c),
        })
    }

    fn chart_svg(&self, name: &str, language: Language) -> Result<Option<String>, RenderError> {
        let t = texts(language);
        if name == chart::TURNS {
            return turns(self, t, Place::File);
        }
        if let Some(watched) = Watched::ALL.into_iter().find(|watched| watched.name() == name) {
            let drawn = self.evidence.as_ref().map(|evidence| watch(evidence, watched, None, t, Place::File)).transpose()?;
            return Ok(drawn.flatten());
        }
        let nth = name.strip_prefix(chart::PAIR).and_then(|rest| rest.strip_prefix('-')?.parse::<usize>().ok());
        let pair = nth.and_then(|nth| self.pairs.get(nth.checked_sub(1)?));
        pair.map(|pair| pairs(pair, t, Place::File)).transpose()
    }

    fn csv(&self) -> Result<Option<String>, RenderError> {
        runs_csv(self.subjects.iter().map(|subject| &subject.run)).map(Some)
    }
}
