//! One device: what it is, what it does, what cannot be told of it.

use askama::Template;
use benchrack_protocol::device::{CpufreqPolicy, DeviceReport, PowerSupply};
use benchrack_protocol::reading::Reading;

use super::render;
use super::run_table::runs_csv;
use crate::format::{NBSP, fixed, number};
use crate::part::{Ctx, Num, Tab, missing};
use crate::view::DeviceView;
use crate::{Chrome, Page, RenderError, link};

#[derive(Template)]
#[template(path = "device.html")]
struct Device<'a> {
    c: &'a Ctx<'a>,
    v: &'a DeviceView,
    r: &'a DeviceReport,
    supplies: Vec<Supply<'a>>,
}

struct Supply<'a> {
    supply: &'a PowerSupply,
    charge: Num,
    current: Num,
    voltage: Num,
}

/// Number of operating points and their ends.
fn operating_points(policy: &CpufreqPolicy, c: &Ctx<'_>) -> Num {
    match &policy.frequencies {
        Reading::Value { value } => match (value.first(), value.last()) {
            (Some(first), Some(last)) => Num::plain(format!("{}: {first} – {last}", value.len())),
            _ => Num::plain("0"),
        },
        missing_one => Num::missing(missing(missing_one, c.t).unwrap_or_default()),
    }
}

/// A power of two, so exact.
fn page_size(report: &DeviceReport, c: &Ctx<'_>) -> Num {
    converted(&report.memory.page_size, c, |size| format!("{}{NBSP}B", fixed(size.0 as f64, 0)))
}

fn converted<T: Copy>(reading: &Reading<T>, c: &Ctx<'_>, show: impl FnOnce(T) -> String) -> Num {
    match reading {
        Reading::Value { value } => Num::plain(show(*value)),
        missing_one => Num::missing(missing(missing_one, c.t).unwrap_or_default()),
    }
}

impl Page for DeviceView {
    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let c = &Ctx::new(chrome, self.device.name.clone(), Tab::Rack).at(link::device(self.device.id), "").with_csv().living();
        let shown = self.device.report.power_supplies.iter().map(|supply| {
            let PowerSupply { capacity_percent, current, voltage, .. } = supply;
            Supply {
                supply,
                charge: converted(capacity_percent, c, |percent| format!("{percent}{NBSP}%")),
                current: converted(current, c, |flow| format!("{}{NBSP}mA", fixed(flow.0 as f64 / 1e3, 0))),
                voltage: converted(voltage, c, |voltage| format!("{}{NBSP}V", number(voltage.0 as f64 / 1e6))),
            }
        });
        render(&Device { c, v: self, r: &self.device.report, supplies: shown.collect() })
    }

    fn csv(&self) -> Result<Option<String>, RenderError> {
        runs_csv(&self.runs.runs).map(Some)
    }
}
