//! One study with its claims on each device, and the list of all.

use askama::Template;
use benchrack_protocol::api::Metric;
use benchrack_protocol::ids::SessionId;
use benchrack_protocol::study::{Basis, Check, CheckResult, Claim, ClaimResult, Figure, StudyDevice};

use super::render;
use crate::chart::{Place, counts, metric, scatter};
use crate::format::{Scale, Unit};
use crate::part::{Badge, ChartFigure, Ctx, Num, Tab, metric_of};
use crate::table::Table;
use crate::text::{fill, texts};
use crate::view::{Axes, CompareDevice, CompareRow, StudyListView, StudyView};
use crate::{Chrome, Language, Page, RenderError, link};

#[derive(Template)]
#[template(path = "study.html")]
struct Study<'a> {
    c: &'a Ctx<'a>,
    v: &'a StudyView,
    over: usize,
    total: usize,
    left_out: String,
    /// Each claim with its verdict on each device; empty where one device has them all.
    answers: Vec<(&'a str, Vec<Option<Badge>>)>,
    devices: Vec<Device<'a>>,
    tables: Vec<Everything<'a>>,
}

struct Device<'a> {
    device: &'a StudyDevice,
    unreal: Option<Badge>,
    claims: Vec<OneClaim<'a>>,
    chart: Option<ChartFigure>,
}

struct OneClaim<'a> {
    nth: usize,
    claim: &'a Claim,
    verdict: Badge,
    source: String,
    checks: Vec<Row<'a>>,
    remarks: bool,
}

struct Row<'a> {
    check: &'a Check,
    result: &'a CheckResult,
    measured: Num,
    asked: String,
    from: String,
    /// The newest session behind it.
    session: Option<SessionId>,
    verdict: Badge,
}

/// All subjects of a device with all of their metrics.
struct Everything<'a> {
    caption: String,
    columns: Vec<(&'static str, &'static str)>,
    rows: Vec<EverythingRow<'a>>,
}

struct EverythingRow<'a> {
    row: &'a CompareRow,
    counts: bool,
    cells: Vec<Num>,
    macs: Num,
    parameters: Num,
}

/// Unit of a check's value.
fn unit(check: &Check) -> Unit {
    match (&check.to, check.figure_of(&check.of)) {
        (Some(_), _) => Unit::Ratio,
        (None, Figure::Metric(metric)) => Unit::of(metric),
        (None, Figure::Package(_) | Figure::EngineSize) => Unit::Size,
        (None, Figure::Macs | Figure::Parameters) => Unit::Count,
    }
}

fn chart_name(device: &CompareDevice) -> String {
    format!("{}-{}", Axes::MACS.name(), device.device.id)
}

/// Whether there is anything to draw: models whose cost differs.
fn worth_drawing(device: &CompareDevice) -> bool {
    let mut macs: Vec<u64> = device.rows.iter().filter(|row| row.run.failure.is_none()).filter_map(|row| row.macs).collect();
    macs.sort_unstable();
    macs.dedup();
    macs.len() > 1
}

impl StudyView {
    fn row<'a>(check: &'a Check, result: &'a CheckResult, c: &Ctx<'_>) -> Row<'a> {
        let s = &c.t.study;
        let unit = unit(check);
        // A bound of a ratio is a number that somebody wrote: 1.001 is not 1.00.
        let exactly = |bound: f64| if check.to.is_some() { format!("{bound} ×") } else { unit.show(bound) };
        let bound = |text: &str, bound: Option<f64>| bound.map(|bound| fill(text, &[&exactly(bound)]));
        let asked = [bound(s.at_least, check.at_least), bound(s.at_most, check.at_most)];
        Row {
            check,
            result,
            measured: result.measured.as_ref().map_or_else(|| Num::missing(s.nothing), |measured| Num::of(measured, unit)),
            asked: asked.into_iter().flatten().collect::<Vec<_>>().join(", "),
            from: match result.basis {
                None => String::new(),
                Some(Basis::Exact) => s.exact.into(),
                Some(Basis::PairedBlocks { pairs }) => fill(s.paired_blocks, &[&pairs]),
                Some(Basis::PairedSessions { pairs }) => fill(s.paired_sessions, &[&pairs]),
                Some(Basis::SeparateIntervals) => s.separate.into(),
                Some(Basis::OneSide) => s.one_side.into(),
            },
            session: result.basis.and_then(|_| result.sessions.last().copied()),
            verdict: c.claim(result.verdict),
        }
    }

    fn claim<'a>(nth: usize, claim: &'a Claim, result: &'a ClaimResult, c: &Ctx<'_>) -> OneClaim<'a> {
        OneClaim {
            nth: nth + 1,
            claim,
            verdict: c.claim(result.verdict),
            source: fill(c.t.study.source, &[&claim.source]),
            checks: claim.checks.iter().zip(&result.checks).map(|(check, result)| Self::row(check, result, c)).collect(),
            remarks: result.checks.iter().any(|check| !check.detail.is_empty() || !check.needed.is_empty()),
        }
    }

    fn device<'a>(&'a self, device: &'a StudyDevice, c: &Ctx<'_>) -> Result<Device<'a>, RenderError> {
        let measured = self.measured.iter().find(|measured| measured.device.id == device.device && worth_drawing(measured));
        let chart = measured.map(|measured| {
            let svg = scatter(measured, Axes::MACS, &[], c.t, Place::Page)?;
            Ok(c.chart(fill(c.t.chart.against, &[&c.t.common.median_latency, &c.t.chart.macs]), &chart_name(measured), svg, ""))
        });
        let claims = self.report.study.claims.iter().zip(&device.claims).enumerate();
        Ok(Device {
            device,
            unreal: c.reality(&device.reality),
            claims: claims.map(|(nth, (claim, result))| Self::claim(nth, claim, result, c)).collect(),
            chart: chart.transpose()?,
        })
    }
}

/// The claims by device, once there are several.
fn answers<'a>(view: &'a StudyView, c: &Ctx<'_>) -> Vec<(&'a str, Vec<Option<Badge>>)> {
    let devices = &view.report.devices;
    let answer = |(nth, claim): (usize, &'a Claim)| {
        let verdicts = devices.iter().map(|device| device.claims.get(nth).map(|result| c.claim(result.verdict)));
        (claim.claim.as_str(), verdicts.collect())
    };
    if devices.len() > 1 { view.report.study.claims.iter().enumerate().map(answer).collect() } else { Vec::new() }
}

fn everything<'a>(device: &'a CompareDevice, c: &Ctx<'_>) -> Everything<'a> {
    let measured: Vec<Metric> =
        Metric::ALL.into_iter().filter(|&wanted| device.rows.iter().any(|row| metric(row, wanted).is_some())).collect();
    let scales: Vec<Scale> = measured
        .iter()
        .map(|&wanted| {
            let values = device.rows.iter().filter_map(|row| metric(row, wanted)).map(|estimate| estimate.value);
            Unit::of(wanted).scale_for_all(values)
        })
        .collect();
    let row = |row: &'a CompareRow| EverythingRow {
        row,
        counts: counts(row),
        cells: measured
            .iter()
            .zip(&scales)
            .map(|(&wanted, &scale)| match metric(row, wanted) {
                Some(estimate) => Num::in_column(estimate, Unit::of(wanted), scale),
                None => Num::missing(c.why(&metric_of(&row.run, wanted))),
            })
            .collect(),
        macs: c.optional(&row.macs, Unit::Count),
        parameters: c.optional(&row.parameters, Unit::Count),
    };
    Everything {
        caption: fill(c.t.study.everything_on, &[&device.device.name]),
        columns: measured.iter().zip(&scales).map(|(&wanted, scale)| (c.t.common.metric(wanted), scale.symbol)).collect(),
        rows: device.rows.iter().map(row).collect(),
    }
}

impl Page for StudyView {
    fn charts(&self) -> Vec<String> {
        self.measured.iter().filter(|device| worth_drawing(device)).map(chart_name).collect()
    }

    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let report = &self.report;
        let c = Ctx::new(chrome, report.study.title.clone(), Tab::Studies).at(link::study(report.id), "").with_csv().living();
        let jobs = &report.submission.jobs;
        let left_out = report.engines_left_out.join(", ");
        let tables = self.measured.iter().filter(|_| report.study.table);
        render(&Study {
            c: &c,
            v: self,
            over: jobs.iter().filter(|job| !matches!(job.state.as_str(), "queued" | "leased")).count(),
            total: jobs.len().max(1),
            left_out: if left_out.is_empty() { left_out } else { fill(c.t.study.left_out, &[&left_out]) },
            answers: answers(self, &c),
            devices: report.devices.iter().map(|device| self.device(device, &c)).collect::<Result<_, _>>()?,
            tables: tables.map(|device| everything(device, &c)).collect(),
        })
    }

    fn chart_svg(&self, name: &str, language: Language) -> Result<Option<String>, RenderError> {
        let device = self.measured.iter().find(|device| worth_drawing(device) && chart_name(device) == name);
        device.map(|device| scatter(device, Axes::MACS, &[], texts(language), Place::File)).transpose()
    }

    fn csv(&self) -> Result<Option<String>, RenderError> {
        let heading = [
            "device",
            "reality",
            "claim",
            "claim_verdict",
            "check",
            "verdict",
            "unit",
            "measured",
            "low",
            "high",
            "at_least",
            "at_most",
            "basis",
            "pairs",
            "detail",
            "needed",
        ];
        let mut table = Table::new(&heading);
        for device in &self.report.devices {
            for (claim, result) in self.report.study.claims.iter().zip(&device.claims) {
                for (check, judged) in claim.checks.iter().zip(&result.checks) {
                    table.row(csv_row(device, claim, result, check, judged))?;
                }
            }
        }
        table.finish().map(Some)
    }
}

fn csv_row(device: &StudyDevice, claim: &Claim, result: &ClaimResult, check: &Check, judged: &CheckResult) -> [String; 16] {
    let (basis, pairs) = match judged.basis {
        None => ("", None),
        Some(Basis::Exact) => ("exact", None),
        Some(Basis::PairedBlocks { pairs }) => ("paired_blocks", Some(pairs)),
        Some(Basis::PairedSessions { pairs }) => ("paired_sessions", Some(pairs)),
        Some(Basis::SeparateIntervals) => ("separate_intervals", None),
        Some(Basis::OneSide) => ("one_side", None),
    };
    let unit = if check.to.is_some() { "ratio" } else { check.figure_of(&check.of).unit() };
    [
        Table::text(&device.name),
        Table::word(&device.reality),
        Table::text(&claim.claim),
        Table::word(&result.verdict),
        Table::text(&check.says),
        Table::word(&judged.verdict),
        unit.into(),
        Table::maybe(judged.measured.map(|measured| measured.value)),
        Table::maybe(judged.measured.map(|measured| measured.low)),
        Table::maybe(judged.measured.map(|measured| measured.high)),
        Table::maybe(check.at_least),
        Table::maybe(check.at_most),
        basis.into(),
        Table::maybe(pairs),
        Table::text(&judged.detail),
        Table::text(&judged.needed),
    ]
}

#[derive(Template)]
#[template(path = "study_list.html")]
struct StudyList<'a> {
    c: &'a Ctx<'a>,
    v: &'a StudyListView,
}

impl Page for StudyListView {
    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let c = Ctx::new(chrome, "", Tab::Studies).at(link::STUDIES, "").with_csv().living();
        let c = &Ctx { title: c.t.common.studies.into(), ..c };
        render(&StudyList { c, v: self })
    }

    fn csv(&self) -> Result<Option<String>, RenderError> {
        let mut table = Table::new(&["study", "name", "title", "jobs_over", "jobs", "submitted_at"]);
        for row in &self.rows {
            table.row([
                row.id.to_string(),
                Table::text(&row.name),
                Table::text(&row.title),
                row.over.to_string(),
                row.jobs.to_string(),
                Table::time(row.submitted_at),
            ])?;
        }
        table.finish().map(Some)
    }
}
