//! What the farm measured of itself.

use askama::Template;
use benchrack_protocol::alert::{Catches, Planted, SelfTestCount, Unchanged};

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
    /// With the upper end of the share of false alarms.
    by_device: Vec<(&'a Unchanged, String)>,
    /// With the smallest change, and the share of gates that find it at least.
    catches: Vec<(&'a Catches, String, String)>,
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
        let share = |share: Option<f64>| share.map(|share| Unit::Share.show(share)).unwrap_or_default();
        let by_device = report.unchanged_by_device.iter().map(|one| (one, share(one.false_alarms_at_most)));
        let catches = report.catches.iter().map(|one| {
            let smallest = one.more_macs.map_or_else(|| c.t.alert.none_caught.to_owned(), change);
            (one, smallest, share(one.at_least))
        });
        render(&SelfTest { c, unchanged, by_device: by_device.collect(), catches: catches.collect(), planted: planted.collect() })
    }

    fn csv(&self) -> Result<Option<String>, RenderError> {
        let heading = ["device", "baseline", "candidate", "more_macs", "gates", "slower", "not_slower", "inconclusive"];
        let mut table = Table::new(&heading);
        let mut row = |device: &str, [baseline, candidate]: [&str; 2], more_macs: f64, count: SelfTestCount| {
            table.row([
                Table::text(device),
                Table::text(baseline),
                Table::text(candidate),
                more_macs.to_string(),
                count.gates.to_string(),
                count.slower.to_string(),
                count.not_slower.to_string(),
                count.inconclusive.to_string(),
            ])
        };
        for one in &self.report.unchanged_by_device {
            row(&one.device_name, [&one.model; 2], 0.0, one.count)?;
        }
        for pair in &self.report.planted {
            row(&pair.device_name, [&pair.baseline, &pair.candidate], pair.more_macs, pair.count)?;
        }
        table.finish().map(Some)
    }
}
