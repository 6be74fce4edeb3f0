//! The real pages in a real browser, headless: they load without errors, say what the database says, and can be used by
//! keyboard. Skipped, loudly, only where there is no Chromium with its driver; `.ci/setup` installs both.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};

use crate::farm::{self, Process, Server};

pub struct Browser {
    pub client: Client,
    _driver: Process,
    _profile: tempfile::TempDir,
}

/// A program of this name on PATH.
fn found(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

impl Browser {
    pub async fn start() -> Option<Self> {
        let (Some(driver), Some(chromium)) = (found("chromedriver"), found("chromium")) else {
            eprintln!("\n*** SKIPPED: the browser test needs chromium and chromedriver; run .ci/setup ***\n");
            return None;
        };
        let mut command = Command::new(driver);
        let mut child =
            command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| line.unwrap().split("started successfully on port ").nth(1).map(str::to_owned));
        let port = port.unwrap_or_else(|| panic!("chromedriver did not start"));
        // The rest of what it prints must not fill the pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let profile = farm::folder();
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".into(),
            "--disable-gpu".into(),
            "--disable-dev-shm-usage".into(),
            "--no-first-run".into(),
            "--disable-background-networking".into(),
            "--disable-component-update".into(),
            "--disable-sync".into(),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        let options = json!({"binary": chromium, "args": arguments});
        let Value::Object(capabilities) = json!({"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}) else {
            panic!("capabilities are an object")
        };
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", port.trim_end_matches('.')))
            .await
            .unwrap();
        Some(Self { client, _driver: Process::of(child), _profile: profile })
    }

    pub async fn text(&self, css: &str) -> String {
        self.client.find(Locator::Css(css)).await.unwrap().text().await.unwrap()
    }

    /// What a script on the page answers.
    pub async fn ask(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap()
    }

    /// What a script gives to the function that is its last argument.
    pub async fn wait_for(&self, script: &str) -> Value {
        self.client.execute_async(script, vec![]).await.unwrap()
    }

    /// Types on the page, wherever the focus is.
    pub async fn keys(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    /// Without it the browser would outlive its driver.
    pub async fn close(self) {
        self.client.close().await.unwrap();
    }
}

/// A command of chromedriver's own, below the session: `se/log`, `goog/cdp/execute`.
#[derive(Debug)]
struct Own {
    path: &'static str,
    body: Value,
}

impl fantoccini::wd::WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

impl Browser {
    async fn own(&self, path: &'static str, body: Value) -> Value {
        self.client.issue_cmd(Own { path, body }).await.unwrap()
    }

    /// What the console got since it was last asked: errors of scripts, of the content security policy, of loading.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.own("se/log", json!({"type": "browser"})).await;
        entries.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    pub async fn scheme(&self, name: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": name}]);
        let body = json!({"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}});
        self.own("goog/cdp/execute", body).await;
    }

    pub async fn width(&self, width: u32) {
        let params = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600});
        self.own("goog/cdp/execute", json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": params})).await;
    }

    /// Keeps a picture of the page beside the build's results, to be looked at.
    async fn picture(&self, name: &str) {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name).with_extension("png"), self.client.screenshot().await.unwrap()).unwrap();
    }
}

/// What must hold for every page, at every width and in both themes.
pub async fn sound(browser: &Browser, url: &str) {
    browser.client.goto(url).await.unwrap();
    let page = browser
        .ask(
            "const root = document.documentElement;
             return {
                 headings: document.querySelectorAll('h1').length,
                 wider: root.scrollWidth - root.clientWidth,
                 language: root.lang,
                 unnamed: [...document.querySelectorAll('svg[role=img]:not([aria-label]):not([aria-labelledby])')].length,
                 text: document.body.innerText.length,
             };",
        )
        .await;
    assert_eq!(page["headings"], 1, "{url}: {page}");
    assert!(page["wider"].as_i64().unwrap() <= 0, "{url} is wider than the window: {page}");
    assert_ne!(page["language"], "", "{url}");
    assert_eq!(page["unnamed"], 0, "{url} has charts without a name: {page}");
    assert!(page["text"].as_i64().unwrap() > 80, "{url} is empty: {page}");
    let console = browser.console().await;
    assert!(console.is_empty(), "{url}: {console:?}");
}

#[tokio::test]
async fn every_page_is_sound_in_both_themes_and_three_widths_and_leads_to_the_run() {
    let _cores = farm::CORES.read().await;
    let Some(browser) = Browser::start().await else { return };
    let folder = farm::folder();
    let server = Server::start(&folder.path().join("server"), 60);
    let home = server.url();
    // Before there is anything, each page says what to do.
    for path in ["/", "/rack", "/compare", "/series", "/models"] {
        sound(&browser, &format!("{home}{path}")).await;
    }
    server.add_models();
    let _agent = farm::agent(&home, &folder.path().join("agent"));
    farm::registered(&server.client()).await;
    farm::finished(&server.client(), server.submit().id).await;
    let run = server.client().runs(&benchrack_client::RunQuery::default()).await.unwrap().remove(0);
    // The shortest gate there is: one round, and no verdict.
    let itself = farm::models().join("mobilenet-v1-0.5-160.fp32.onnx");
    let mut gate = server.command();
    gate.args(["gate", "--quiet", "--budget-time", "1ms", "--metrics", "latency,load=50%,model_size", "--baseline"]);
    let (code, stdout, stderr) = farm::run(gate.arg(&itself).arg("--candidate").arg(&itself));
    assert_eq!(code, 3, "{stdout}{stderr}");
    let pages = [
        ("home", "/".to_owned()),
        ("rack", "/rack".into()),
        ("device", format!("/devices/{}", run.device)),
        ("compare", "/compare".into()),
        ("series", "/series".into()),
        ("models", "/models".into()),
        ("run", format!("/runs/{}", run.id)),
        ("session", format!("/sessions/{}", run.session)),
        ("gates", "/gates".into()),
        ("gate", "/gates/1".into()),
    ];
    for (scheme, width) in [("light", 1280), ("dark", 1280), ("light", 800), ("light", 390)] {
        browser.scheme(scheme).await;
        browser.width(width).await;
        for (name, path) in &pages {
            sound(&browser, &format!("{home}{path}")).await;
            browser.picture(&format!("{name}-{width}-{scheme}")).await;
        }
    }
    browser.width(1280).await;
    browser.client.goto(&format!("{home}/compare")).await.unwrap();
    assert!(browser.text("main").await.contains("mobilenet-v1-0.5-160"));
    // In the table: in the chart the middle of a link may lie between its mark and the end of its interval.
    browser.client.find(Locator::Css("main table a[href^='/runs/']")).await.unwrap().click().await.unwrap();
    assert!(browser.client.current_url().await.unwrap().path().starts_with("/runs/"));
    browser.client.goto(&format!("{home}/rack")).await.unwrap();
    let first = browser.client.active_element().await.unwrap();
    first.send_keys(&fantoccini::key::Key::Tab.to_string()).await.unwrap();
    let focused = browser.ask("return document.activeElement.tagName + ' ' + document.activeElement.textContent.trim();").await;
    assert!(
        focused.as_str().unwrap().starts_with("A "),
        "the first stop of the keyboard is the link past the navigation: {focused}"
    );
    browser.close().await;
}
