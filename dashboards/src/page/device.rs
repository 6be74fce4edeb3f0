//! One device: what it is, what it does, what cannot be told of it.

use askama::Template;
use benchrack_protocol::device::{CpufreqPolicy, DeviceReport, PowerSupply};
use benchrack_protocol::reading::Reading;

use super::device_points::{Part, subject};
use super::render;
use super::run_load::{SustainedPart, sustained_curve};
use super::run_table::runs_csv;
use crate::chart::{Curve, OverClock, Place, points, sustained};
use crate::format::{NBSP, fixed, number};
use crate::part::{Badge, Ctx, Num, Tab, missing};
use crate::text::{fill, texts};
use crate::view::{Absence, DeviceView, OperatingView};
use crate::{Chrome, Language, Page, RenderError, link};

/// The query that leads to the same choice of subject and limits.
fn query(view: &OperatingView) -> String {
    let chosen = view.facets.iter().filter_map(|facet| {
        let option = facet.options.iter().find(|option| option.chosen)?;
        Some((facet.name.clone(), option.value.clone()))
    });
    let limits = view.budgets.iter().filter_map(|budget| Some((budget.field.to_owned(), budget.limit?.to_string())));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(chosen.chain(limits)).finish()
}

#[derive(Template)]
#[template(path = "device.html")]
struct Device<'a> {
    c: &'a Ctx<'a>,
    v: &'a DeviceView,
    r: &'a DeviceReport,
    supplies: Vec<Supply<'a>>,
    points: Part<'a>,
    sustained: Option<SustainedPart>,
    absences: Vec<(Badge, &'a Absence)>,
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

/// What else is known of the memory; nothing is said of what is not. A page's size is a power of two, so exact.
fn more_of_memory(report: &DeviceReport, c: &Ctx<'_>) -> String {
    let available = report.memory.available.value().map(|free| format!("{}{NBSP}{free}", c.t.device.available));
    let pages =
        report.memory.page_size.value().map(|size| fill(c.t.device.pages, &[&format!("{}{NBSP}B", fixed(size.0 as f64, 0))]));
    let known: Vec<String> = available.into_iter().chain(pages).collect();
    if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) }
}

fn converted<T: Copy>(reading: &Reading<T>, c: &Ctx<'_>, show: impl FnOnce(T) -> String) -> Num {
    match reading {
        Reading::Value { value } => Num::plain(show(*value)),
        missing_one => Num::missing(missing(missing_one, c.t).unwrap_or_default()),
    }
}

impl Page for DeviceView {
    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let action = link::device(self.device.id);
        let query = query(&self.operating);
        let c = &Ctx::new(chrome, self.device.name.clone(), Tab::Rack).at(action.clone(), &query).with_csv().living();
        let shown = self.device.report.power_supplies.iter().map(|supply| {
            let PowerSupply { capacity_percent, current, voltage, .. } = supply;
            Supply {
                supply,
                charge: converted(capacity_percent, c, |percent| format!("{percent}{NBSP}%")),
                current: converted(current, c, |flow| format!("{}{NBSP}mA", fixed(flow.0 as f64 / 1e3, 0))),
                voltage: converted(voltage, c, |voltage| format!("{}{NBSP}V", number(voltage.0 as f64 / 1e6))),
            }
        });
        let points = Part::new(&self.operating, &self.device.name, (&action, &query), c)?;
        let absences = self.absences.iter().map(|absence| (c.state(&absence.state, &None), absence)).collect();
        let sustained =
            self.sustained.as_ref().map(|load| sustained_curve(&load.curve, load.figures, &load.run.label, c)).transpose()?;
        render(&Device { c, v: self, r: &self.device.report, supplies: shown.collect(), points, sustained, absences })
    }

    fn charts(&self) -> Vec<String> {
        let over = if self.operating.points.is_empty() { &[][..] } else { &OverClock::ALL[..] };
        let curves = self.sustained.iter().flat_map(|load| Curve::ALL.into_iter().filter(|curve| curve.is_in(&load.curve)));
        over.iter().map(|over| over.name().into()).chain(curves.map(|curve| curve.name().into())).collect()
    }

    fn chart_svg(&self, name: &str, language: Language) -> Result<Option<String>, RenderError> {
        let t = texts(language);
        if let Some(over) = OverClock::ALL.into_iter().find(|over| over.name() == name) {
            let of = (subject(&self.operating), self.device.name.as_str());
            let drawn = (!self.operating.points.is_empty()).then(|| points(&self.operating, over, (&of.0, of.1), t, Place::File));
            return drawn.transpose();
        }
        let curve = Curve::ALL.into_iter().find(|curve| curve.name() == name);
        let (Some(curve), Some(load)) = (curve, &self.sustained) else { return Ok(None) };
        sustained(&load.curve, curve, &load.run.label, t, Place::File)
    }

    fn csv(&self) -> Result<Option<String>, RenderError> {
        runs_csv(&self.runs.runs).map(Some)
    }
}
