//! Four questions that a new user has, answered by clicks alone from the first page, each within three: which model fits,
//! which cores are cheaper, which revision slowed what, why a run does not count. And what a page does by itself and by
//! keyboard. The answers on the page are compared with what the API says.

use std::time::Duration;

use benchrack_client::{AlertQuery, RunQuery};
use benchrack_protocol::alert::{Finding, TriageState};
use benchrack_protocol::api::{Run, Verdict};
use benchrack_protocol::rack::{RackPhase, RackPhone, RackReport};
use benchrack_protocol::validity::Validity;
use fantoccini::Locator;
use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::key::Key;
use serde_json::Value;

use crate::accessibility::seeded;
use crate::browser::Browser;
use crate::farm::{self, Server, until};

/// Clicks from the first page, at most three.
struct Walk<'a> {
    browser: &'a Browser,
    clicks: usize,
}

impl<'a> Walk<'a> {
    async fn begin(browser: &'a Browser, server: &Server) -> Self {
        browser.client.goto(&server.url()).await.unwrap();
        Self { browser, clicks: 0 }
    }

    async fn click(&mut self, xpath: &str) {
        self.clicks += 1;
        assert!(self.clicks <= 3, "more than three clicks: {xpath}");
        let found = self.browser.client.wait().for_element(Locator::XPath(xpath)).await;
        found.unwrap_or_else(|error| panic!("{xpath}: {error}")).click().await.unwrap();
    }

    async fn read(&self, xpath: &str) -> String {
        let found = self.browser.client.wait().for_element(Locator::XPath(xpath)).await;
        found.unwrap_or_else(|error| panic!("{xpath}: {error}")).text().await.unwrap()
    }

    /// The data behind the page that is open.
    async fn view(&self) -> Value {
        let script = "const done = arguments[0];
            const at = new URL(location.href);
            at.pathname = at.pathname.replace(/\\/$/, '') + '/view.json';
            fetch(at).then((answer) => answer.json()).then(done, (error) => done(String(error)));";
        self.browser.wait_for(script).await
    }
}

/// Value of a metric in a run of a view.
fn metric(run: &Value, name: &str) -> Option<f64> {
    run["metrics"].as_array()?.iter().find(|pair| pair[0] == name)?[1]["value"].as_f64()
}

#[tokio::test]
async fn which_int8_model_fits_is_three_clicks_away() {
    let _cores = farm::CORES.read().await;
    let Some(browser) = Browser::start().await else { return };
    let folder = farm::folder();
    let server = seeded(&folder);
    let mut walk = Walk::begin(&browser, &server).await;
    walk.click("//article[.//a[normalize-space()='pixel-6-1']]//a[starts-with(@href, '/compare?device=')]").await;
    walk.click("//nav//a[contains(., '≤ 20')]").await;
    walk.click("//nav//a[contains(., '≤ 10')]").await;
    browser.client.wait().for_element(Locator::Css("input[name=size_mb][value='10']")).await.unwrap();
    let answer = walk.read("//div[dt='Fastest int8']/dd[contains(@class, 'what')]").await;
    let view = walk.view().await;
    let rows = view["devices"][0]["rows"].as_array().unwrap();
    let fits = |row: &&Value| {
        row["run"]["precision"] == "int8"
            && row["run"]["validity"]["state"] == "valid"
            && metric(&row["run"], "latency_p90").is_some_and(|p90| p90 <= 20e6)
            && row["size"].as_u64().unwrap() <= 10_000_000
    };
    let latency = |row: &&Value| metric(&row["run"], "latency").unwrap();
    let best = rows.iter().filter(fits).min_by(|a, b| latency(a).total_cmp(&latency(b))).expect("something fits");
    assert!(answer.starts_with(best["run"]["model"].as_str().unwrap()), "{answer}: {best}");
    assert!(rows.iter().any(|row| !fits(&row)), "the budgets leave something out");
    browser.close().await;
}

#[tokio::test]
async fn which_cores_are_cheaper_at_thirty_a_second_is_two_clicks_away() {
    let _cores = farm::CORES.read().await;
    let Some(browser) = Browser::start().await else { return };
    let folder = farm::folder();
    let server = seeded(&folder);
    let mut walk = Walk::begin(&browser, &server).await;
    walk.click("//article//a[normalize-space()='pixel-6-1']").await;
    walk.click("//section[@id='points']//nav//a[normalize-space()='30']").await;
    browser.client.wait().for_element(Locator::Css("#points input[name=p90_ms][value='33.3']")).await.unwrap();
    let answer = walk.read("//section[@id='points']//div[contains(@class, 'verdict')]").await;
    let operating = walk.view().await["operating"].clone();
    // By hand: of each cluster the valid run under 33.3 ms with the least energy, and of those the least.
    let fits = |point: &&Value| {
        point["run"]["validity"]["state"] == "valid" && metric(&point["run"], "latency_p90").is_some_and(|p90| p90 <= 33.3e6)
    };
    let points = operating["points"].as_array().unwrap();
    let energy = |point: &Value| metric(&point["run"], "energy");
    let known = points.iter().filter(fits).filter_map(|point| Some((energy(point)?, point)));
    let (_, best) = known.min_by(|a, b| a.0.total_cmp(&b.0)).expect("some point keeps 30 a second");
    let cores = best["run"]["operating_point"]["cores"].as_str().unwrap();
    assert!(answer.contains(&format!("Cheapest: {cores}")), "{answer}: {best}");
    assert!(answer.contains("times as much") || answer.contains("No other cores"), "{answer}");
    browser.close().await;
}

#[tokio::test]
async fn which_revision_slowed_which_model_where_and_the_proof_are_three_clicks_away() {
    let _cores = farm::CORES.read().await;
    let Some(browser) = Browser::start().await else { return };
    let folder = farm::folder();
    let server = seeded(&folder);
    let waiting = AlertQuery { state: Some(TriageState::New), ..AlertQuery::default() };
    let alert = server.client().alerts(&waiting).await.unwrap().remove(0);
    let mut walk = Walk::begin(&browser, &server).await;
    walk.click(&format!("//main//ul[@class='troubles']//a[@href='/alerts/{}']", alert.id)).await;
    let told = walk.read("//dl[contains(@class, 'answers')]").await;
    let size = |of: &&Finding| of.effect.map_or(0.0, |effect| effect.value.abs());
    let worst = alert.findings.iter().max_by(|a, b| size(a).total_cmp(&size(b))).unwrap();
    assert!(alert.findings.len() > 1, "the devices are told apart: {alert:?}");
    for wanted in [&worst.bad.name, &worst.bad.word(), &worst.good.word()] {
        assert!(told.contains(wanted.as_str()), "{wanted} is not told: {told}");
    }
    let table = walk.read("//main//table").await;
    for finding in &alert.findings {
        assert!(table.contains(&finding.device_name), "{} is not told: {table}", finding.device_name);
    }
    // The proof: both builds measured again, side by side.
    let gate = worst.gate.unwrap();
    walk.click(&format!("//dl[contains(@class, 'answers')]//a[@href='/gates/{gate}']")).await;
    let outcome = server.client().gate(gate).await.unwrap().outcome.unwrap();
    assert_eq!(outcome.verdict, Verdict::Slower);
    assert!(walk.read("//main//div[contains(@class, 'verdict')]").await.contains(&outcome.summary));
    assert!(walk.read("//main//table").await.contains(&worst.device_name));
    browser.close().await;
}

#[tokio::test]
async fn why_a_run_does_not_count_is_two_clicks_away() {
    let _cores = farm::CORES.read().await;
    let Some(browser) = Browser::start().await else { return };
    let folder = farm::folder();
    let server = seeded(&folder);
    let runs = server.client().runs(&RunQuery { limit: Some(300), ..RunQuery::default() }).await.unwrap();
    let mut kinds: Vec<_> = runs.iter().filter_map(|run| run.validity.as_ref()).flat_map(Validity::reasons).collect();
    kinds.sort_by_key(|doubt| doubt.reason.to_string());
    kinds.dedup_by_key(|doubt| doubt.reason);
    assert!(kinds.len() >= 3, "last night went wrong in several ways: {kinds:?}");
    let doubtful = |run: &&Run| run.validity.as_ref().is_some_and(|of| *of != Validity::Valid);
    let run = runs.iter().find(doubtful).expect("a made-up history has runs that do not count");
    let mut walk = Walk::begin(&browser, &server).await;
    walk.click(&format!("//article//a[@href='/devices/{}']", run.device)).await;
    walk.click(&format!("//main//table//a[@href='/runs/{}']", run.id)).await;
    let said = walk.read("//main//div[contains(@class, 'verdict')]").await;
    for doubt in run.validity.as_ref().unwrap().reasons() {
        assert!(said.contains(&doubt.detail), "{} is not said: {said}", doubt.detail);
    }
    browser.close().await;
}

#[tokio::test]
async fn alerts_are_triaged_many_at_once_by_keyboard() {
    let _cores = farm::CORES.read().await;
    let Some(browser) = Browser::start().await else { return };
    let folder = farm::folder();
    let server = seeded(&folder);
    let client = server.client();
    let waiting = AlertQuery { state: Some(TriageState::New), ..AlertQuery::default() };
    assert!(client.alerts(&waiting).await.unwrap().len() >= 2, "a made-up history has alerts that wait for a decision");
    browser.client.goto(&format!("{}/alerts", server.url())).await.unwrap();
    // The first two rows, then the decision with the owner that it needs.
    for keys in ["j", " ", "j", " ", "c"] {
        browser.keys(keys).await;
    }
    assert_eq!(browser.ask("return document.activeElement.name;").await, "owner");
    browser.keys(&format!("ada{}", Key::Enter)).await;
    until("both are confirmed", || async {
        let alerts = client.alerts(&AlertQuery { state: Some(TriageState::Confirmed), ..AlertQuery::default() }).await.ok()?;
        (alerts.iter().filter(|alert| alert.owner.as_deref() == Some("ada")).count() == 2).then_some(())
    })
    .await;
    browser.client.wait().for_element(Locator::XPath("//main//td[normalize-space()='ada']")).await.unwrap();
    assert!(browser.client.current_url().await.unwrap().path() == "/alerts", "the list is shown again");
    browser.close().await;
}

#[tokio::test]
async fn a_stretch_dragged_over_a_series_is_an_address_that_shows_it_again() {
    let _cores = farm::CORES.read().await;
    let Some(browser) = Browser::start().await else { return };
    let folder = farm::folder();
    let server = seeded(&folder);
    browser.width(1280).await;
    browser.client.goto(&format!("{}/series/1", server.url())).await.unwrap();
    let marks = "return document.querySelectorAll('main figure .mark').length;";
    let before = browser.ask(marks).await.as_u64().unwrap();
    let place = browser
        .ask("const box = document.querySelector('main figure svg').getBoundingClientRect(); return [box.x, box.y, box.width, box.height];")
        .await;
    let [x, y, width, height] = [0, 1, 2, 3].map(|nth: usize| place[nth].as_f64().unwrap());
    let to = |share: f64| PointerAction::MoveTo {
        duration: Some(Duration::from_millis(20)),
        x: (x + width * share).round(),
        y: (y + height / 2.0).round(),
    };
    let drag = MouseActions::new("mouse".into())
        .then(to(0.4))
        .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
        .then(to(0.5))
        .then(to(0.7))
        .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
    browser.client.perform_actions(drag).await.unwrap();
    let address = until("the stretch is an address", || async {
        let url = browser.client.current_url().await.ok()?;
        url.query().is_some_and(|query| query.contains("until=") && query.contains("points=")).then_some(url)
    })
    .await;
    let after = browser.ask(marks).await.as_u64().unwrap();
    assert!(after > 1 && after < before, "{before} marks became {after}");
    let drawn = "return document.querySelector('main figure svg').innerHTML.replaceAll(/<title>.*?<\\/title>/gs, '');";
    let seen = browser.ask(drawn).await;
    browser.client.goto("about:blank").await.unwrap();
    browser.client.goto(address.as_str()).await.unwrap();
    assert_eq!(browser.ask(drawn).await, seen, "the link shows the same");
    // Another device over the same time.
    browser.client.find(Locator::Css(".strips .toggle")).await.unwrap().click().await.unwrap();
    browser.client.wait().for_element(Locator::Css(".strips .toggle[aria-current]")).await.unwrap();
    assert_eq!(browser.ask("return document.querySelectorAll('main figure svg.wide').length;").await, 2);
    assert!(browser.client.current_url().await.unwrap().query().unwrap().contains("until="), "the stretch is kept");
    browser.close().await;
}

#[tokio::test]
async fn a_page_follows_the_farm_and_speaks_the_readers_language() {
    let _cores = farm::CORES.read().await;
    let Some(browser) = Browser::start().await else { return };
    let folder = farm::folder();
    let server = Server::start(&folder.path().join("server"), 60);
    server.add_models();
    browser.client.goto(&format!("{}/rack", server.url())).await.unwrap();
    browser.ask("window.same = true;").await;
    let _agent = farm::agent(&server.url(), &folder.path().join("agent"));
    farm::registered(&server.client()).await;
    browser.client.wait().for_element(Locator::Css("main article.card")).await.unwrap();
    farm::finished(&server.client(), server.submit().id).await;
    browser.client.wait().for_element(Locator::Css("main article.card a[href^='/runs/']")).await.unwrap();
    let phone = RackPhone {
        phone: "serial-7".into(),
        model: None,
        device: None,
        phase: RackPhase::NeedsPerson,
        reason: Some("it asks for a PIN".into()),
        doing: None,
    };
    server.client().report_rack("lab-4", &RackReport { phones: vec![phone] }).await.unwrap();
    browser
        .client
        .wait()
        .for_element(Locator::XPath("//main//article[contains(., 'lab-4')]//bdi[. = 'serial-7']"))
        .await
        .unwrap();
    assert_eq!(browser.ask("return window.same;").await, true, "the page was never loaded again");
    assert_eq!(browser.ask("return document.documentElement.lang;").await, "en");
    browser.client.find(Locator::Css("button[name=lang]")).await.unwrap().click().await.unwrap();
    browser.client.wait().for_element(Locator::Css("html[lang=ko]")).await.unwrap();
    assert_eq!(browser.text("h1").await, "랙");
    assert_eq!(browser.client.current_url().await.unwrap().path(), "/rack", "on the page that it was");
    assert!(browser.console().await.is_empty());
    browser.close().await;
}
