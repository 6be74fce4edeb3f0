//! Tables as CSV: everything the page shows, unrounded, and nothing that a spreadsheet would execute.

use benchrack_dashboards::Page;
use benchrack_protocol::api::Metric;

use crate::sample::{self, every_page};

fn read(view: &impl Page) -> Option<(Vec<String>, Vec<Vec<String>>)> {
    let text = view.csv().unwrap()?;
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let heading = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    Some((heading, rows))
}

fn column(heading: &[String], name: &str) -> usize {
    heading.iter().position(|known| known == name).unwrap_or_else(|| panic!("no column {name} in {heading:?}"))
}

#[test]
fn pages_offer_the_tables_they_have() {
    macro_rules! each {
        ($($name:ident),*) => {$(
            let view = sample::$name();
            let offered = view.html(&sample::chrome("/")).unwrap().contains("table.csv");
            assert_eq!(offered, view.csv().unwrap().is_some(), "{}", stringify!($name));
        )*};
    }
    every_page!(each);
}

#[test]
fn the_comparisons_figures_are_exact_in_its_file() {
    let view = sample::compare();
    let (heading, rows) = read(&view).unwrap();
    let given = &view.devices[0].rows;
    assert_eq!(rows.len(), given.len());
    let (latency, low, reasons) =
        (column(&heading, "latency_ns"), column(&heading, "latency_low_ns"), column(&heading, "reasons"));
    let validity = column(&heading, "validity");
    for (row, given) in rows.iter().zip(given) {
        match given.run.metrics.iter().find(|(metric, _)| *metric == Metric::Latency) {
            Some((_, estimate)) => {
                assert_eq!(row[latency].parse::<f64>().unwrap(), estimate.value);
                assert_eq!(row[low].parse::<f64>().unwrap(), estimate.low);
            }
            None => {
                assert_eq!((row[latency].as_str(), row[validity].as_str()), ("", "failed"));
                assert!(row[reasons].contains("QLinearAdd"));
            }
        }
    }
}

#[test]
fn a_series_file_has_every_point() {
    let view = sample::series_many();
    let (heading, rows) = read(&view).unwrap();
    assert_eq!(rows.len(), 10_000);
    let (value, at) = (column(&heading, "latency_ns"), column(&heading, "measured_at"));
    for (row, point) in rows.iter().zip(&view.points) {
        assert_eq!(row[value].parse::<f64>().unwrap(), point.estimate.value);
        assert!(row[at].ends_with('Z'));
    }
}

#[test]
fn a_runs_file_has_every_sample_in_order() {
    let view = sample::run_valid();
    let measurement = view.measurement.as_ref().unwrap();
    let (heading, rows) = read(&view).unwrap();
    let latency = column(&heading, "latency_ns");
    let given = measurement.warmup.samples.iter().chain(measurement.blocks.iter().flat_map(|block| &block.samples));
    let given: Vec<String> = given.map(|sample| sample.0.to_string()).collect();
    assert_eq!(rows.iter().map(|row| row[latency].clone()).collect::<Vec<_>>(), given);
}

#[test]
fn a_studys_file_has_every_check_with_its_bounds() {
    let view = sample::study();
    let (heading, rows) = read(&view).unwrap();
    let checks: usize = view.report.study.claims.iter().map(|claim| claim.checks.len()).sum();
    assert_eq!(rows.len(), view.report.devices.len() * checks);
    let (verdict, measured, at_most) = (column(&heading, "verdict"), column(&heading, "measured"), column(&heading, "at_most"));
    assert_eq!((rows[0][verdict].as_str(), rows[0][measured].as_str(), rows[0][at_most].as_str()), ("holds", "0.594", "1"));
    assert_eq!((rows[4][verdict].as_str(), rows[4][measured].as_str()), ("cannot_tell", ""));
    assert!(rows[4][column(&heading, "needed")].contains("nothing else to do"));
}

#[test]
fn names_come_through_whole() {
    let view = sample::models();
    let (heading, rows) = read(&view).unwrap();
    let name = column(&heading, "name");
    assert_eq!(rows.last().unwrap()[name], sample::HOSTILE);
    assert_eq!(rows.len(), view.rows.len());
}
