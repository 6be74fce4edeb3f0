//! A question that a new user has, answered by clicks alone from the first page: which model fits. The answer on the page is
//! compared with what the API says. And a stretch of a series as a link.

use std::time::Duration;

use fantoccini::Locator;
use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
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
    walk.click("//article[.//a[normalize-space()='mi-11-1']]//a[starts-with(@href, '/compare?device=')]").await;
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
