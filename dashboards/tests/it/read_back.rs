//! Charts are read as a person reads them, from the ticks: what was drawn is what was given.

use benchrack_dashboards::{Language, Page};
use benchrack_protocol::api::Metric;
use benchrack_protocol::validity::Validity;
use roxmltree::{Document, Node};

use crate::sample;

/// A scale made from an axis's ticks: positions and the values written there.
struct Scale {
    ticks: Vec<(f64, f64)>,
    logarithmic: bool,
}

impl Scale {
    fn value(&self, position: f64) -> f64 {
        let (first, last) = (self.ticks[0], self.ticks[self.ticks.len() - 1]);
        let share = (position - first.0) / (last.0 - first.0);
        if self.logarithmic { first.1 * (last.1 / first.1).powf(share) } else { first.1 + (last.1 - first.1) * share }
    }

    /// Worth of half a tenth of a user unit at this value, the finest that is drawn, with the ticks' own rounding.
    fn error(&self, value: f64) -> f64 {
        let (first, last) = (self.ticks[0], self.ticks[self.ticks.len() - 1]);
        let length = (last.0 - first.0).abs();
        if self.logarithmic {
            value * ((last.1 / first.1).ln().abs() / length * 0.2)
        } else {
            (last.1 - first.1).abs() / length * 0.2
        }
    }
}

fn number(node: Node<'_, '_>, attribute: &str) -> f64 {
    node.attribute(attribute).unwrap().parse().unwrap()
}

fn class(node: Node<'_, '_>, wanted: &str) -> bool {
    node.attribute("class").is_some_and(|classes| classes.split(' ').any(|class| class == wanted))
}

/// The scales across and upwards of a chart with numbers on both axes, in the units of their titles.
fn scales(document: &Document<'_>, logarithmic: bool) -> (Scale, Scale) {
    let ticks = |anchor: &str, attribute: &str| {
        let texts = document.descendants().filter(|node| class(*node, "tick") && node.attribute("text-anchor") == Some(anchor));
        let read = texts.filter_map(|node| {
            let value = node.text()?.replace(',', "").replace('−', "-").parse().ok()?;
            Some((number(node, attribute), value))
        });
        Scale { ticks: read.collect(), logarithmic }
    };
    (ticks("middle", "x"), ticks("end", "y"))
}

/// Middle of a mark's shape: circles by their centre, other shapes by their path's box.
fn middle(mark: Node<'_, '_>) -> (f64, f64) {
    let mut shape = mark.children().filter(|node| {
        node.is_element() && !class(*node, "interval") && !node.has_tag_name(("http://www.w3.org/2000/svg", "title"))
    });
    let shape = shape.next_back().unwrap();
    if shape.has_attribute("cx") {
        return (number(shape, "cx"), number(shape, "cy"));
    }
    let corners = corners(shape);
    let middle = |of: fn(&(f64, f64)) -> f64| {
        let (low, high) =
            corners.iter().map(of).fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        (low + high) / 2.0
    };
    (middle(|corner| corner.0), middle(|corner| corner.1))
}

fn corners(path: Node<'_, '_>) -> Vec<(f64, f64)> {
    let steps = path.attribute("d").unwrap().split(['M', 'L', 'Z']).filter(|step| !step.is_empty());
    steps.map(|step| step.split_once(',').unwrap()).map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).collect()
}

fn marks<'a>(document: &'a Document<'a>) -> Vec<Node<'a, 'a>> {
    document.descendants().filter(|node| class(*node, "mark")).collect()
}

#[test]
fn a_series_is_drawn_where_its_figures_are() {
    let view = sample::series_by_order();
    let svg = view.chart_svg("series", Language::English).unwrap().unwrap();
    let document = Document::parse(&svg).unwrap();
    let (_, upwards) = scales(&document, false);
    let marks = marks(&document);
    assert_eq!(marks.len(), view.points.len());
    for (mark, point) in marks.into_iter().zip(&view.points) {
        let (drawn, given) = (upwards.value(middle(mark).1), point.estimate.value / 1e6);
        match mark.children().find(|node| class(*node, "interval")) {
            Some(interval) => {
                assert!((drawn - given).abs() <= upwards.error(given), "drawn {drawn}, given {given}");
                let ends = corners(interval);
                let (low, high) = (upwards.value(ends[0].1), upwards.value(ends[1].1));
                assert!((low - point.estimate.low / 1e6).abs() <= upwards.error(given), "lower end {low}");
                assert!((high - point.estimate.high / 1e6).abs() <= upwards.error(given), "upper end {high}");
            }
            None => {
                assert!(point.validity != Validity::Valid && given > drawn, "only far ones that do not count stand at the edge");
            }
        }
        assert_eq!(class(mark, "hollow"), point.validity != Validity::Valid);
        let words =
            mark.descendants().find_map(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "title")).then(|| node.text()));
        let told: f64 = words.flatten().unwrap().split('\u{a0}').next().unwrap().parse().unwrap();
        assert!((told - given).abs() / given < 0.005, "told {told}, given {given}");
    }
}

#[test]
fn a_crowded_series_keeps_its_extremes() {
    let mut view = sample::series_many();
    view.axis = benchrack_dashboards::view::SeriesAxis::Order;
    let valid = || view.points.iter().filter(|point| point.validity == Validity::Valid).map(|point| point.estimate.value / 1e6);
    let (low, high) = (valid().fold(f64::MAX, f64::min), valid().fold(f64::MIN, f64::max));
    let svg = view.chart_svg("series", Language::English).unwrap().unwrap();
    let document = Document::parse(&svg).unwrap();
    let (_, upwards) = scales(&document, false);
    let marks = marks(&document);
    assert!((500..2_000).contains(&marks.len()), "{} marks", marks.len());
    let drawn: Vec<f64> =
        marks.into_iter().filter(|mark| class(*mark, "tiny")).map(|mark| upwards.value(middle(mark).1)).collect();
    for extreme in [low, high] {
        assert!(drawn.iter().any(|value| (value - extreme).abs() <= upwards.error(extreme)), "{extreme} is not drawn");
    }
}

#[test]
fn a_scatter_is_drawn_where_its_figures_are() {
    let view = sample::compare();
    for (name, cost) in [("latency-size-1", 1e6), ("latency-macs-1", 1e6)] {
        let svg = view.chart_svg(name, Language::English).unwrap().unwrap();
        let document = Document::parse(&svg).unwrap();
        let (across, upwards) = scales(&document, true);
        let rows = view.devices[0].rows.iter().filter(|row| row.run.failure.is_none());
        let marks = marks(&document);
        assert_eq!(marks.len(), rows.clone().count(), "{name}");
        for (mark, row) in marks.into_iter().zip(rows) {
            let latency = row.run.metrics.iter().find(|(metric, _)| *metric == Metric::Latency).unwrap().1.value / 1e6;
            let given = if name.starts_with("latency-size") { row.size.0 as f64 } else { row.macs.unwrap() as f64 } / cost;
            let (x, y) = middle(mark);
            // Shapes that are not symmetric have their middle a little off their place.
            let slack = if mark.descendants().any(|node| node.has_attribute("cx")) { 1.0 } else { 12.0 };
            let (drawn_x, drawn_y) = (across.value(x), upwards.value(y));
            assert!((drawn_x - given).abs() <= across.error(given) * slack, "{name}: drawn {drawn_x}, given {given}");
            assert!((drawn_y - latency).abs() <= upwards.error(latency) * slack, "{name}: drawn {drawn_y}, given {latency}");
            assert_eq!(class(mark, "hollow"), row.run.validity != Some(Validity::Valid), "{name}");
        }
    }
}

#[test]
fn any_two_figures_are_drawn_with_their_budgets_and_what_breaks_one_is_grey() {
    let view = sample::compare_budgets();
    let svg = view.chart_svg("size-latency_p90-1", Language::English).unwrap().unwrap();
    let document = Document::parse(&svg).unwrap();
    let (across, upwards) = scales(&document, true);
    let rows = view.devices[0].rows.iter().filter(|row| row.run.failure.is_none());
    let marks = marks(&document);
    assert_eq!(marks.len(), rows.clone().count());
    let mut lit = 0;
    for (mark, row) in marks.into_iter().zip(rows) {
        let p90 = row.run.metrics.iter().find(|(metric, _)| *metric == Metric::LatencyP90).unwrap().1.value / 1e6;
        let (drawn_x, drawn_y) = (across.value(middle(mark).0), upwards.value(middle(mark).1));
        assert!((drawn_x - p90).abs() <= across.error(p90) * 12.0, "drawn {drawn_x}, given {p90}");
        let size = row.size.0 as f64 / 1e6;
        assert!((drawn_y - size).abs() <= upwards.error(size) * 12.0, "drawn {drawn_y}, given {size}");
        let fits = p90 <= 20.0 && size <= 10.0;
        assert_eq!(class(mark, "guide"), !fits, "{p90} ms and {size} MB");
        lit += usize::from(fits);
    }
    assert!(lit > 0);
    let lines: Vec<_> = document.descendants().filter(|node| class(*node, "limit")).collect();
    assert_eq!(lines.len(), 2, "one for each budget");
    assert!(view.chart_svg("size-depth-1", Language::English).unwrap().is_none());
    assert!(view.chart_svg("size-macs-77", Language::English).unwrap().is_none());
}

#[test]
fn what_breaks_a_budget_is_nobodys_answer() {
    let view = sample::compare_budgets();
    let p90 = |row: &benchrack_dashboards::view::CompareRow| {
        row.run.metrics.iter().find(|(metric, _)| *metric == Metric::LatencyP90).map(|(_, figure)| figure.value)
    };
    let fitting = view.devices[0].rows.iter().filter(|row| {
        row.run.validity == Some(Validity::Valid) && p90(row).is_some_and(|p90| p90 <= 20e6) && row.size.0 <= 10_000_000
    });
    // Rows come fastest first.
    let fastest = fitting.clone().next().unwrap();
    let html = view.html(&sample::chrome("/compare")).unwrap();
    let tile = html.split("class=\"tile\"").nth(1).unwrap();
    assert!(tile.contains(&fastest.run.model) && tile.contains(&fastest.run.precision.to_string()), "{tile:.400}");
    assert!(html.contains(&format!("{} of {} keep every budget", fitting.count(), view.devices[0].rows.len())));
    assert!(html.contains("name=\"p90_ms\" value=\"20\""));
    let heading: Vec<String> =
        csv::Reader::from_reader(view.csv().unwrap().unwrap().as_bytes()).headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(heading.last().map(String::as_str), Some("keeps_budgets"));
}

#[test]
fn the_front_passes_through_what_nothing_beats() {
    let view = sample::compare();
    let html = view.html(&sample::chrome("/")).unwrap();
    let on_front = html.split("<tr").filter(|row| row.contains("chip front")).count();
    let latency = |row: &benchrack_dashboards::view::CompareRow| {
        row.run
            .metrics
            .iter()
            .find(|(metric, _)| *metric == Metric::Latency)
            .map_or(f64::INFINITY, |(_, estimate)| estimate.value)
    };
    let counting: Vec<_> = view.devices[0].rows.iter().filter(|row| row.run.validity == Some(Validity::Valid)).collect();
    let beaten = |row: &&&benchrack_dashboards::view::CompareRow| {
        counting.iter().any(|other| {
            latency(other) <= latency(row) && other.size < row.size || latency(other) < latency(row) && other.size <= row.size
        })
    };
    let expected = counting.iter().filter(|row| !beaten(row)).count();
    assert!(expected >= 2);
    assert_eq!(on_front, expected);
}
