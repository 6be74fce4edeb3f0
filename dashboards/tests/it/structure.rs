//! What holds for every page whatever it shows.

use std::collections::BTreeSet;

use benchrack_dashboards::{Chrome, Language, Page, asset};

use crate::sample::{self, chrome, every_page, korean};

/// Opening tags with their attributes' raw text, in order.
fn tags(html: &str) -> Vec<&str> {
    html.split('<')
        .skip(1)
        .filter_map(|part| part.split_once('>').map(|(tag, _)| tag))
        .filter(|tag| !tag.starts_with(['/', '!']))
        .collect()
}

fn name(tag: &str) -> &str {
    tag.split([' ', '/', '\n']).next().unwrap_or_default()
}

fn attributes<'a>(tag: &'a str, wanted: &str) -> Vec<&'a str> {
    let marker = format!(" {wanted}=\"");
    tag.match_indices(&marker).filter_map(|(at, _)| tag[at + marker.len()..].split('"').next()).collect()
}

fn check(page: &str, html: &str, chrome: &Chrome) {
    let tags = tags(html);
    let count = |wanted: &str| tags.iter().filter(|tag| name(tag) == wanted).count();
    assert!(html.starts_with("<!doctype html>"), "{page}");
    for once in ["h1", "main", "title", "header", "footer", "html"] {
        assert_eq!(count(once), if once == "title" { html.matches("<title").count() } else { 1 }, "{page}: {once}");
    }
    assert_eq!(count("script"), 1, "{page}: only the script file");
    assert_eq!(count("style"), 0, "{page}: only the style sheet file");
    assert!(html.contains(&format!("<html lang=\"{}\"", chrome.preferences.language.tag())), "{page}");
    let mut ids = BTreeSet::new();
    for tag in &tags {
        for id in attributes(tag, "id") {
            assert!(ids.insert(id), "{page}: id {id} is there twice");
        }
        let bare: String = tag.split('"').step_by(2).collect();
        let active = bare.split_whitespace().any(|word| word == "style=" || word.starts_with("on"));
        assert!(!active, "{page}: {tag}");
        for address in ["href", "src", "action"].into_iter().flat_map(|attribute| attributes(tag, attribute)) {
            let local = address.starts_with('/') && !address.starts_with("//");
            assert!(local || address.starts_with(['#', '?']), "{page}: {address} leads elsewhere");
        }
    }
    for tag in tags.iter().filter(|tag| name(tag) == "label") {
        for target in attributes(tag, "for") {
            assert!(ids.contains(target), "{page}: label for {target}");
        }
    }
    assert!(!html.contains("<script>") && !html.contains("\" onload"), "{page}: a name left its element");
    assert!(!html.contains("NaN") && ![">inf<", ">inf ", ">-inf"].iter().any(|infinity| html.contains(infinity)), "{page}");
    balanced(page, html);
}

/// Elements are closed in the order they were opened.
fn balanced(page: &str, html: &str) {
    const VOID: [&str; 5] = ["meta", "link", "input", "br", "!doctype"];
    let mut open: Vec<&str> = Vec::new();
    for part in html.split('<').skip(1) {
        let (tag, _) = part.split_once('>').unwrap_or_else(|| panic!("{page}: unfinished tag {part}"));
        match tag.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop(), Some(closed), "{page}: closed out of turn near {part}"),
            None if tag.ends_with('/') || VOID.contains(&name(tag)) => {}
            None => open.push(name(tag)),
        }
    }
    assert!(open.is_empty(), "{page}: never closed: {open:?}");
}

#[test]
fn every_page_is_whole_and_asks_nothing_of_others() {
    macro_rules! each {
        ($($name:ident),*) => {$(
            for chrome in [chrome("/\"><script>"), korean("/")] {
                check(stringify!($name), &sample::$name().html(&chrome).unwrap(), &chrome);
            }
        )*};
    }
    every_page!(each);
}

fn check_charts(page: &str, view: &impl Page) {
    let html = view.html(&chrome("/")).unwrap();
    let names = view.charts();
    for name in &names {
        for language in [Language::English, Language::Korean] {
            let Some(svg) = view.chart_svg(name, language).unwrap() else {
                assert!(!html.contains(&format!("/{name}.svg")), "{page} links to a chart that is not drawn: {name}");
                continue;
            };
            let document = roxmltree::Document::parse(&svg).unwrap_or_else(|error| panic!("{page} {name}: {error}"));
            let root = document.root_element();
            assert_eq!(root.tag_name().namespace(), Some("http://www.w3.org/2000/svg"), "{page} {name}");
            assert!(root.descendants().any(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "desc"))), "{page} {name}");
            assert!(!svg.contains("var(--") && !svg.contains("url("), "{page} {name} needs something else");
            if html.contains("<svg class=\"chart half\"") || html.contains("<svg class=\"chart wide\"") {
                assert!(html.contains(&format!("/{name}.svg")), "{page} does not link to {name}");
            }
        }
    }
    let linked = html.match_indices(".svg").count();
    let drawn = names.iter().filter(|name| view.chart_svg(name, Language::English).unwrap().is_some()).count();
    assert!(linked <= drawn + 1, "{page} links to {linked} pictures (its icon among them), {drawn} are drawn");
    assert!(view.chart_svg("no-such-chart", Language::English).unwrap().is_none());
    assert!(view.chart_svg("pair-0", Language::English).unwrap().is_none());
}

#[test]
fn every_chart_stands_alone_and_its_page_links_to_it() {
    macro_rules! each {
        ($($name:ident),*) => {$(check_charts(stringify!($name), &sample::$name());)*};
    }
    every_page!(each);
}

#[test]
fn every_view_is_json() {
    macro_rules! each {
        ($($name:ident),*) => {$(
            let json = serde_json::to_value(sample::$name()).unwrap();
            assert!(json.is_object(), "{}", stringify!($name));
        )*};
    }
    every_page!(each);
}

#[test]
fn assets_are_named_by_their_content_and_small() {
    for asset in asset::all() {
        assert!(asset.url.contains(&asset.hash) && asset.url.starts_with("/assets/"), "{}", asset.url);
        assert_eq!(asset.hash.len(), 12);
        let text = std::str::from_utf8(&asset.bytes).unwrap();
        assert!(!text.contains("http://") || asset.name == "icon.svg", "{} names another server", asset.name);
        assert!(!text.contains("https://"), "{} names another server", asset.name);
        if asset.name == "benchrack.js" {
            assert!(text.len() <= 14_000, "{} bytes", text.len());
            assert!(!text.contains("innerHTML") && !text.contains("eval("));
        }
    }
    let html = sample::models().html(&chrome("/")).unwrap();
    for asset in asset::all() {
        assert!(html.contains(&format!("\"{}\"", asset.url)), "no page uses {}", asset.name);
    }
}

#[test]
fn a_figure_that_is_missing_is_a_dash_with_its_reason() {
    let html = sample::run_failed().html(&chrome("/")).unwrap();
    let tiles = html.split("<dl class=\"tiles\">").nth(1).unwrap().split("</dl>").next().unwrap();
    assert_eq!(tiles.matches("class=\"none\"").count(), 8);
    assert_eq!(tiles.matches("tract has no operator com.microsoft.QLinearAdd").count(), 16, "under the pointer and for readers");
    assert!(!tiles.contains(">0"));
}
