//! Every page and chart, byte for byte. Crowded ones are held by their weight and their extremes instead.

use benchrack_dashboards::{Language, Page};

use crate::sample::{self, chrome, every_page, korean};
use crate::settled;

#[test]
fn every_page_is_as_it_was_read_and_accepted() {
    macro_rules! hold {
        ($($name:ident),*) => {$(
            let name = stringify!($name);
            if !name.ends_with("_many") {
                let html = sample::$name().html(&chrome(&format!("/{name}?a=1&b=\""))).unwrap();
                insta::assert_snapshot!(format!("page_{name}"), settled(&html));
            }
        )*};
    }
    every_page!(hold);
}

#[test]
fn korean_pages_are_as_they_were_read_and_accepted() {
    macro_rules! hold {
        ($($name:ident),*) => {$(
            let html = sample::$name().html(&korean("/")).unwrap();
            insta::assert_snapshot!(format!("korean_{}", stringify!($name)), settled(&html));
        )*};
    }
    hold!(home, alert, alerts, device, compare, run_invalid, run_frames, run_energy, engines, gate, gate_open, gates, study_open);
}

fn hold_chart(page: &str, view: &impl Page, name: &str) {
    let svg = view.chart_svg(name, Language::English).unwrap().unwrap();
    insta::assert_snapshot!(format!("chart_{page}_{name}"), settled(&svg));
}

#[test]
fn every_kind_of_chart_is_as_it_was_read_and_accepted() {
    hold_chart("compare", &sample::compare(), "latency-macs-1");
    hold_chart("compare_invalid", &sample::compare_invalid(), "latency-size-2");
    hold_chart("series", &sample::series(), "series");
    hold_chart("series_empty", &sample::series_empty(), "series");
    hold_chart("series_by_order", &sample::series_by_order(), "series");
    hold_chart("run", &sample::run_valid(), "samples");
    hold_chart("run", &sample::run_valid(), "distribution");
    hold_chart("run_failed", &sample::run_failed(), "samples");
    hold_chart("run_frames", &sample::run_frames(), "frames");
    hold_chart("run_energy", &sample::run_energy(), "sustained-latency");
    hold_chart("run_energy", &sample::run_energy(), "sustained-temperature");
    hold_chart("session", &sample::session(), "clocks");
    hold_chart("session", &sample::session(), "pair-1");
    hold_chart("session_empty", &sample::session_empty(), "pair-1");
    hold_chart("gate", &sample::gate(), "forest");
    hold_chart("alert", &sample::alert(), "forest");
    hold_chart("series_together", &sample::series_together(), "together");
    hold_chart("study", &sample::study(), "latency-macs-1");
    hold_chart("gate_open", &sample::gate_open(), "forest");
}

#[test]
fn a_charts_own_file_brings_its_style() {
    let svg = sample::gate().chart_svg("forest", Language::English).unwrap().unwrap();
    let style = &svg[svg.find("<style>").unwrap()..svg.find("</style>").unwrap()];
    insta::assert_snapshot!("chart_style", style);
}

#[test]
fn ten_thousand_points_stay_a_light_page() {
    let view = sample::series_many();
    assert_eq!(view.points.len(), 10_000);
    let html = view.html(&chrome("/series/9")).unwrap();
    assert!(html.len() <= 300_000, "{} bytes", html.len());
    let run = sample::run_many().html(&chrome("/runs/61")).unwrap();
    assert!(run.len() <= 300_000, "{} bytes", run.len());
}
