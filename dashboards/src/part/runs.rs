//! A list of runs, as on the pages of devices and sessions.

use askama::Template;
use askama::filters::HtmlSafe;
use benchrack_protocol::api::{Metric, Run};
use benchrack_protocol::session::{Frequency, OperatingPoint};

use super::Ctx;
use crate::link;
use crate::text::fill;

/// A table of runs.
#[derive(Template)]
#[template(path = "part/runs.html")]
pub(crate) struct RunTable<'a> {
    c: &'a Ctx<'a>,
    runs: &'a [Run],
    caption: &'a str,
}

impl HtmlSafe for RunTable<'_> {}

impl Ctx<'_> {
    /// Runs with their main figures.
    pub(crate) fn runs<'a>(&'a self, runs: &'a [Run], caption: &'a str) -> RunTable<'a> {
        RunTable { c: self, runs, caption }
    }

    /// Cores and clock in few words: `big · 60%`.
    pub(crate) fn point(&self, point: &OperatingPoint) -> String {
        let c = &self.t.common;
        let cores = match point.cores.to_string().as_str() {
            "all" => c.all_cores.into(),
            cores => cores.to_owned(),
        };
        match point.frequency {
            Frequency::Unpinned => format!("{cores} · {}", c.unpinned),
            frequency => format!("{cores} · {frequency}"),
        }
    }

    /// The same with the knobs that a configuration asked for.
    pub(crate) fn setting(&self, point: &OperatingPoint, knobs: &str) -> String {
        let point = self.point(point);
        if knobs.is_empty() { point } else { format!("{point} · {}", fill(self.t.common.with_knobs, &[&knobs])) }
    }
}
