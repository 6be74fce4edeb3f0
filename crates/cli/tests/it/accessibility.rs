//! Every page of a made-up farm in a real browser: what axe-core calls a violation of WCAG 2.2 A and AA is nowhere, in both
//! themes and at three widths; a view is reproduced by its link; the keyboard reaches what the pointer does. Skipped, loudly,
//! only where the browser or axe-core is missing; `.ci/setup` installs both.

use std::path::PathBuf;

use benchrack_client::{Client, RunQuery};
use fantoccini::Locator;
use fantoccini::key::Key;
use serde_json::{Value, json};

use crate::browser::{Browser, sound};
use crate::farm::{self, Server, benchrack, run};
use crate::study::study_file;

/// axe-core as npm ships it; BENCHRACK_AXE names another file.
fn axe() -> Option<String> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = folder("BENCHRACK_CI_CACHE").or_else(|| {
        let home = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
        Some(home?.join("benchrack-ci"))
    });
    let file = folder("BENCHRACK_AXE").or_else(|| Some(cache?.join("axe/axe.min.js")))?;
    let source = std::fs::read_to_string(&file).ok();
    if source.is_none() {
        eprintln!("\n*** SKIPPED: accessibility is judged by axe-core, and {} is not there; run .ci/setup ***\n", file.display());
    }
    source
}

/// Rules that the page breaks, each with the elements that do.
async fn violations(browser: &Browser, axe: &str) -> Vec<Value> {
    browser.ask(axe).await;
    let found = browser
        .wait_for(
            "const done = arguments[arguments.length - 1];
             axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then(
                 ({ violations }) => done(violations.map(({ id, nodes }) =>
                     ({ id, elements: nodes.slice(0, 4).map((node) => node.html.slice(0, 160)), of: nodes.length }))),
                 (error) => done([{ id: String(error) }]));",
        )
        .await;
    found.as_array().cloned().unwrap_or_else(|| vec![json!({"id": "axe gave no answer"})])
}

/// A server on a made-up history.
pub fn seeded(folder: &tempfile::TempDir) -> Server {
    let data = folder.path().join("server");
    let (code, _, stderr) =
        run(benchrack().args(["bench", "seed", "--quiet", "--runs", "3200", "--whole", "400", "--data-dir"]).arg(&data));
    assert_eq!(code, 0, "{stderr}");
    Server::start(&data, 60)
}

/// A page of each kind, of a made-up farm.
pub async fn pages(client: &Client) -> Vec<String> {
    let newest = client.runs(&RunQuery { limit: Some(1), ..Default::default() }).await.unwrap().remove(0);
    let mut pages: Vec<String> =
        ["/", "/rack", "/compare?device=1", "/series", "/models", "/engines", "/gates", "/alerts", "/studies", "/self-test"]
            .map(str::to_owned)
            .into();
    pages.push("/compare?device=1&model=squeezenet-1.1".into());
    pages.push("/compare?device=1&y=latency_p90&x=peak_rss&p90_ms=20&size_mb=10&base=squeezenet-1.1+fp32".into());
    pages.extend([
        format!("/devices/{}", newest.device),
        format!("/runs/{}", newest.id),
        format!("/sessions/{}", newest.session),
    ]);
    pages.extend(
        ["/series/1", "/series/1?x=order&points=100", "/models?of=1", "/search?q=pixel", "/alerts/1", "/gates/1"]
            .map(str::to_owned),
    );
    pages
}

#[tokio::test]
async fn no_page_breaks_a_rule_of_accessibility_in_any_theme_or_width() {
    let _cores = farm::CORES.read().await;
    let (Some(axe), Some(browser)) = (axe(), Browser::start().await) else { return };
    let folder = farm::folder();
    let server = seeded(&folder);
    break_no_rule((&browser, &axe), &server.url(), &pages(&server.client()).await).await;
    browser.close().await;
}

#[tokio::test]
async fn the_pages_of_a_measured_study_break_no_rule_either() {
    let _cores = farm::CORES.read().await;
    let (Some(axe), Some(browser)) = (axe(), Browser::start().await) else { return };
    let folder = farm::folder();
    let (file, data) = (study_file(folder.path(), 6, 1_000_000), folder.path().join("server"));
    let (code, _, stderr) = run(benchrack().args(["study", "run", "--local", "--quiet", "--data-dir"]).arg(&data).arg(file));
    assert_eq!(code, 0, "{stderr}");
    let server = Server::start(&data, 60);
    let study = server.client().newest_study("tiny").await.unwrap().unwrap();
    let pages = ["/studies".to_owned(), format!("/studies/{}", study.id)];
    break_no_rule((&browser, &axe), &server.url(), &pages).await;
    browser.close().await;
}

/// Opens each page in both themes and at three widths.
async fn break_no_rule((browser, axe): (&Browser, &str), home: &str, pages: &[String]) {
    let mut broken = Vec::new();
    for (scheme, width) in [("light", 1280), ("dark", 1280), ("light", 800), ("light", 390)] {
        browser.scheme(scheme).await;
        browser.width(width).await;
        for path in pages {
            sound(browser, &format!("{home}{path}")).await;
            let found = violations(browser, axe).await;
            broken.extend(found.into_iter().map(|rule| format!("{path} {scheme} {width}: {rule}")));
            // Scripts that a test runs write to the console as well.
            browser.console().await;
        }
    }
    assert!(broken.is_empty(), "{} violations:\n{}", broken.len(), broken.join("\n"));
}

#[tokio::test]
async fn the_comparison_answers_by_keyboard_and_its_link_shows_the_same() {
    let _cores = farm::CORES.read().await;
    let Some(browser) = Browser::start().await else { return };
    let folder = farm::folder();
    let server = seeded(&folder);
    let home = server.url();
    browser.client.goto(&format!("{home}/compare?device=1&precision=int8")).await.unwrap();
    // The fastest int8 model under 20 ms p90 and 10 MB: two numbers, typed.
    for (field, limit) in [("p90_ms", "20"), ("size_mb", "10")] {
        let input = browser.client.find(Locator::Css(&format!("input[name={field}]"))).await.unwrap();
        input.send_keys(&format!("{limit}{}", Key::Enter)).await.unwrap();
        browser.client.wait().for_element(Locator::Css(&format!("input[name={field}][value='{limit}']"))).await.unwrap();
    }
    let answer = browser.text(".tile .what").await;
    let address = browser.client.current_url().await.unwrap();
    assert!(address.query().is_some_and(|query| query.contains("p90_ms=20") && query.contains("size_mb=10")), "{address}");
    browser.client.goto("about:blank").await.unwrap();
    browser.client.goto(address.as_str()).await.unwrap();
    assert_eq!(browser.text(".tile .what").await, answer, "the link shows the same");
    // Help, and the way to another page.
    browser.keys("?").await;
    assert_eq!(browser.ask("return document.getElementById('keys').open;").await, true);
    browser.keys(&Key::Escape.to_string()).await;
    browser.keys("gr").await;
    browser.client.wait().for_url(&format!("{home}/rack").parse().unwrap()).await.unwrap();
    browser.keys("/").await;
    assert_eq!(browser.ask("return document.activeElement.name;").await, "q");
    browser.close().await;
}
