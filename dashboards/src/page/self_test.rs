//! What the farm measured of itself.

use askama::Template;
use benchrack_protocol::alert::Planted;

use super::render;
use crate::format::{Unit, change};
use crate::part::{Ctx, Tab};
use crate::table::Table;
use crate::text::fill;
use crate::view::SelfTestView;
use crate::{Chrome, Page, RenderError, link};

#[derive(Template)]
#[template(path = "self_test.html")]
struct SelfTest<'a> {
    c: &'a Ctx<'a>,
    unchanged: Option<String>,
    planted: Vec<(&'a Planted, String, String)>,
}

impl Page for SelfTestView {
    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let c = Ctx::new(chrome, "", Tab::Alerts).at(link::SELF_TEST, "").with_csv();
        let c = &Ctx { title: c.t.alert.self_test.into(), ..c };
        let report = &self.report;
        let unchanged = report.false_alarms_at_most.map(|most| {
            fill(c.t.alert.unchanged_words, &[&report.unchanged.slower, &report.unchanged.gates, &Unit::Share.show(most)])
        });
        let planted = report.planted.iter().map(|pair| {
            let caught = format!("{} / {}", pair.count.slower, pair.count.gates);
            (pair, change(pair.more_macs), caught)
        });
        render(&SelfTest { c, unchanged, planted: planted.collect() })
    }

    fn csv(&self) -> Result<Option<String>, RenderError> {
        let heading = ["device", "baseline", "candidate", "more_macs", "gates", "slower", "not_slower", "inconclusive"];
        let mut table = Table::new(&heading);
        for pair in &self.report.planted {
            table.row([
                Table::text(&pair.device_name),
                Table::text(&pair.baseline),
                Table::text(&pair.candidate),
                pair.more_macs.to_string(),
                pair.count.gates.to_string(),
                pair.count.slower.to_string(),
                pair.count.not_slower.to_string(),
                pair.count.inconclusive.to_string(),
            ])?;
        }
        table.finish().map(Some)
    }
}
