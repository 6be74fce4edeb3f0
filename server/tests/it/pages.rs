//! Pages as a browser gets them.

mod access;
mod devices;
mod lists;
mod saved_views;

use std::collections::BTreeSet;

use axum::http::Method;
use benchrack_protocol::api::{Device, Gate, Reported, Scope};
use benchrack_protocol::evidence::{ClockSample, WatchSample};
use benchrack_protocol::model::Precision;
use benchrack_protocol::problem::ProblemCode;
use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::report::{RunReport, SessionReport};
use benchrack_protocol::units::{Kilohertz, Millicelsius, Nanos};
use serde_json::{Value, json};

use crate::farm::{Answer, Farm, with_farm};
use crate::sample::{gate_subject, model_bytes, new_gate, report, suite};

const MS: u64 = 1_000_000;

impl Farm {
    /// GET as a browser that is logged in.
    async fn browse(&self, path: &str) -> Answer {
        self.ask(Scope::Read, Method::GET, path).header("accept", "text/html,*/*;q=0.8").send().await
    }

    /// The view behind a page.
    async fn view(&self, path: &str) -> Value {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        self.get(&format!("{}/view.json?{query}", path.trim_end_matches('/'))).await
    }
}

/// Looks at the device while it measured, so that there is something to draw.
fn watched(mut report: SessionReport) -> SessionReport {
    let sample = |second: u64| WatchSample {
        online: None,
        at: Nanos(second * 1_000_000_000),
        clocks: vec![ClockSample {
            policy: "cpufreq/policy4".into(),
            frequency: Reading::of(Kilohertz(2_000_000 + second * 1_000)),
            cap: Reading::of(Kilohertz(2_800_000)),
        }],
        temperatures: vec![("cpu".into(), Reading::of(Millicelsius(40_000 + 100 * i64::try_from(second).unwrap())))],
        cooling: Vec::new(),
        cpu_pressure: Reading::of(0.5),
        current: Reading::missing(Missing::Absent, "no battery"),
        voltage: Reading::missing(Missing::Absent, "no battery"),
    };
    if let Some(evidence) = &mut report.evidence {
        evidence.watch = (0..10).map(sample).collect();
    }
    report
}

/// Two devices that measured two models; on the second device one file of each fails. Then a gate that is lost.
async fn measured_farm(farm: &Farm) -> Gate {
    let devices: Vec<Device> = vec![farm.register("one").await, farm.register("two").await];
    for name in ["squeezenet-1.1", "mobilenet-v1"] {
        for precision in [Precision::Fp32, Precision::Int8] {
            farm.add_model(name, precision).await;
        }
    }
    farm.add_engine("onnxruntime", "1.32.0", "aarch64-linux-android").await;
    farm.submit(suite(&["squeezenet-1.1", "mobilenet-v1"])).await;
    let mut id = 0;
    for (device, key) in devices.iter().zip(["one", "two"]) {
        while let Some(lease) = farm.claim(device.id).await {
            id += 1;
            let latency = |place| (key == "one" || place == 0).then_some([10 * MS, 5 * MS][place]);
            let sent = watched(report(id, key, &lease.session, latency));
            farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
        }
    }
    assert_eq!(id, 4);
    for name in ["small", "large"] {
        farm.upload(&model_bytes(name, Precision::Fp32)).await;
    }
    let mut new = new_gate(gate_subject("small", Precision::Fp32), gate_subject("large", Precision::Fp32));
    new.devices = "name=phone-one".into();
    let gate: Gate = farm.post(Scope::Submit, "/api/v1/gates", &new).await;
    let lease = farm.claim(devices[0].id).await.unwrap();
    let sent = watched(report(5, "one", &lease.session, |place| Some([10 * MS, 12 * MS][place])));
    farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
    gate
}

/// The same with a study that the first device has answered: something stands on every page.
async fn answered_farm(farm: &Farm) {
    measured_farm(farm).await;
    let device: Vec<Device> = farm.get("/api/v1/devices").await;
    let device = device.iter().find(|device| device.key == "one").unwrap();
    let study = json!({
        "study": {
            "name": "fewer-multiply-adds", "title": "Are fewer multiply-adds quicker?",
            "claims": [{
                "claim": "They are.", "source": "a talk",
                "checks": [{
                    "says": "SqueezeNet is quicker", "of": {"model": "squeezenet-1.1"}, "to": {"model": "mobilenet-v1"},
                    "at_most": 1.0
                }]
            }],
            "suite": {"name": "fewer-multiply-adds", "models": ["squeezenet-1.1", "mobilenet-v1"], "together": ["model"]}
        },
        "devices": "name=phone-one"
    });
    let _: Value = farm.post(Scope::Submit, "/api/v1/studies", &study).await;
    let mut id = 5;
    while let Some(lease) = farm.claim(device.id).await {
        id += 1;
        let sent = watched(report(id, "one", &lease.session, |place| Some([8 * MS, 12 * MS][place])));
        farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
    }
    assert!(id > 5, "the study has sessions");
}

/// Every page of a measured farm, by what stands in the database.
async fn pages(farm: &Farm) -> Vec<String> {
    let mut pages: Vec<String> = EMPTY_PAGES.map(str::to_owned).into();
    pages.push("/compare?base=squeezenet-1.1+fp32&threads=1".into());
    for (table, path) in [
        ("devices", "devices"),
        ("series", "series"),
        ("runs", "runs"),
        ("sessions", "sessions"),
        ("gates", "gates"),
        ("studies", "studies"),
    ] {
        let (first, last) = (
            farm.scalar(&format!("select min(id) from {table}")).await,
            farm.scalar(&format!("select max(id) from {table}")).await,
        );
        pages.extend(BTreeSet::from([first, last]).into_iter().map(|id| format!("/{path}/{id}")));
    }
    pages.push(format!("/series/{}?x=order", farm.scalar("select min(id) from series").await));
    pages
}

const EMPTY_PAGES: [&str; 11] =
    ["/", "/rack", "/models", "/engines", "/compare", "/series", "/gates", "/alerts", "/self-test", "/studies", "/search"];

/// What holds for every page; its text.
fn sound(path: &str, answer: &Answer) -> String {
    let text = answer.text();
    assert_eq!(answer.status, 200, "{path}: {text}");
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
    assert_eq!(text.matches("<h1").count(), 1, "{path}");
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
    assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    assert!(answer.header("server-timing").unwrap().starts_with("app;dur="));
    for inline in ["<style", " style=\"", " onclick=", " onload=", "javascript:"] {
        assert!(!text.contains(inline), "{path} has {inline}, which the policy forbids");
    }
    for script in text.split("<script").skip(1) {
        assert!(script.starts_with(" src=\"/assets/") || script.starts_with(" defer src=\"/assets/"), "{path}: {script:.60}");
    }
    text
}

/// Addresses in a page that end like this, without what comes after `#`.
fn links(text: &str, wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let hrefs = text.split("href=\"").skip(1).chain(text.split("src=\"").skip(1));
    let addresses = hrefs.filter_map(|rest| rest.split('"').next()).map(|href| href.replace("&amp;", "&").replace("&#38;", "&"));
    addresses.filter(|href| wanted(href.split('?').next().unwrap())).collect()
}

#[tokio::test]
async fn every_page_of_a_measured_farm_is_sound() {
    with_farm(async |farm| {
        answered_farm(farm).await;
        for path in pages(farm).await {
            let answer = farm.browse(&path).await;
            let text = sound(&path, &answer);
            let json = links(&text, |href| href.ends_with("/view.json"));
            assert_eq!(json.len(), 1, "{path}: {json:?}");
            for json in json {
                assert!(farm.get::<Value>(&json).await.is_object(), "{json}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn every_link_of_every_page_leads_somewhere() {
    with_farm(async |farm| {
        answered_farm(farm).await;
        let mut all = BTreeSet::new();
        for path in pages(farm).await {
            let text = farm.browse(&path).await.text();
            let (own, _) = path.split_once('?').unwrap_or((&path, ""));
            let local = links(&text, |href| !href.starts_with("http"));
            all.extend(local.into_iter().map(|href| if href.starts_with('?') { format!("{own}{href}") } else { href }));
        }
        let mut kinds = [0; 4];
        for link in all {
            let link = link.split('#').next().unwrap();
            if link.is_empty() {
                continue;
            }
            let answer = farm.browse(link).await;
            assert!(answer.status == 200 || answer.status == 303, "{link}: {}", answer.status);
            match answer.header("content-type").unwrap_or_default() {
                "image/svg+xml" if !link.starts_with("/assets/") => {
                    kinds[0] += 1;
                    let text = answer.text();
                    let document = roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{link}: {error}"));
                    assert_eq!(document.root_element().tag_name().name(), "svg", "{link}");
                    assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
                }
                "image/png" => kinds[3] += 1,
                kind if kind.starts_with("text/csv") => {
                    kinds[1] += 1;
                    let mut reader = csv::Reader::from_reader(answer.body.as_slice());
                    assert!(reader.headers().unwrap().len() > 3, "{link}");
                    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
                    // Nothing was planted here that would alert, and no test of the farm by itself was asked for.
                    let may_be_empty = ["/alerts", "/self-test"].iter().any(|page| link.starts_with(page));
                    assert!(!rows.is_empty() || may_be_empty, "{link} has no rows");
                }
                "application/json" => kinds[2] += 1,
                _ => {}
            }
        }
        // Charts: two for each device compared, of sessions and runs; tables and views of each page.
        assert_eq!(kinds[0], kinds[3], "each chart is offered in both forms");
        assert!(kinds[0] > 15 && kinds[1] > 12 && kinds[2] > 15, "{kinds:?}");
    })
    .await;
}

#[tokio::test]
async fn an_empty_farm_has_every_page() {
    with_farm(async |farm| {
        for path in EMPTY_PAGES {
            sound(path, &farm.browse(path).await);
            assert!(farm.view(path).await.is_object());
        }
        let home = farm.view("/").await;
        assert_eq!((home["troubles"].as_array().unwrap().len(), &home["models"]), (0, &Value::from(0)));
        // A device that never measured anything.
        let device = farm.register("one").await;
        sound("device", &farm.browse(&format!("/devices/{}", device.id)).await);
        sound("compare", &farm.browse(&format!("/compare?device={}", device.id)).await);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_told_on_a_page_to_people_and_as_a_problem_to_programs() {
    with_farm(async |farm| {
        for path in [
            "/devices/4711",
            "/runs/4711",
            "/sessions/4711",
            "/series/4711",
            "/gates/4711",
            "/alerts/4711",
            "/compare?device=4711",
            "/nowhere",
            "/rack/nowhere",
            "/rack/nothing.svg",
            "/rack/nothing.png",
            "/rack/badge.dark.png",
            "/view.csv",
            "/assets/benchrack.000000000000.css",
            "/runs/4711/table.csv",
        ] {
            let answer = farm.browse(path).await;
            let text = answer.text();
            assert_eq!(answer.status, 404, "{path}: {text}");
            assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
            assert_eq!(text.matches("<h1").count(), 1, "{path}");
            assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'"), "{path}");
            assert!(text.contains(answer.header("x-request-id").unwrap()), "{path} names the request's id");
            let program = farm.ask(Scope::Read, Method::GET, path).send().await;
            program.refused(ProblemCode::NotFound, "");
        }
        for (path, named) in [
            ("/compare?threads=many", "threads"),
            ("/compare?precision=fp64", "'fp64' is not a precision"),
            ("/compare?cores=fast", "'fast' names no cores"),
            ("/series?metric=joy", "'joy' is no metric"),
            ("/series?before=7", "no place in the list"),
            ("/devices/x", "address"),
        ] {
            let answer = farm.browse(path).await;
            assert_eq!(answer.status, 400, "{path}");
            let text = answer.text().replace("&#39;", "'").replace("&#x27;", "'");
            assert!(text.contains(named), "{path} names {named}: {text}");
        }
    })
    .await;
}

#[tokio::test]
async fn hostile_names_are_shown_and_do_nothing() {
    const HOSTILE: &str = "<script>alert(1)</script>\"'&=1+1";
    // Without what names of models cannot have.
    const MODEL: &str = "<script>alert(1)<script>\"'&";
    with_farm(async |farm| {
        let mut registration = crate::sample::registration("one");
        registration.name = HOSTILE.into();
        registration.report.identity.title = HOSTILE.into();
        let ask = farm.ask(Scope::Agent, Method::PUT, "/api/v1/devices/one").json(&registration);
        let device: Device = ask.send().await.ok();
        let bytes = model_bytes(MODEL, Precision::Int8);
        farm.add_revision(MODEL, Precision::Int8, &bytes, HOSTILE).await;
        let mut wanted = suite(&[MODEL]);
        wanted.precisions = vec![Precision::Int8];
        farm.submit(wanted).await;
        let lease = farm.claim(device.id).await.unwrap();
        let mut sent = watched(report(1, "one", &lease.session, |_| Some(MS)));
        sent.os_fingerprint = HOSTILE.into();
        if let RunReport::Measured(measurement) = &mut sent.runs[0] {
            measurement.engine.version = HOSTILE.into();
            measurement.engine.kernels = HOSTILE.into();
        }
        farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
        let mut shown = 0;
        for path in EMPTY_PAGES.into_iter().chain(["/devices/1", "/runs/1", "/sessions/1", "/series/1"]) {
            let text = sound(path, &farm.browse(path).await);
            assert!(!text.contains("<script>alert"), "{path}");
            shown += usize::from(text.contains("alert(1)"));
            for chart in links(&text, |href| href.ends_with(".svg") && !href.starts_with("/assets/")) {
                let svg = farm.browse(&chart).await.text();
                assert!(roxmltree::Document::parse(&svg).is_ok() && !svg.contains("<script"), "{chart}");
            }
        }
        assert!(shown >= 8, "the name is shown on {shown} pages");
        let table = farm.browse("/compare/table.csv").await;
        let row: std::collections::HashMap<String, String> =
            csv::Reader::from_reader(table.body.as_slice()).into_deserialize().next().unwrap().unwrap();
        assert_eq!((row["device"].as_str(), row["model"].as_str()), (HOSTILE, MODEL));
    })
    .await;
}

#[tokio::test]
async fn charts_and_assets_are_not_sent_twice() {
    with_farm(async |farm| {
        measured_farm(farm).await;
        let chart = links(&farm.browse("/runs/1").await.text(), |href| href.ends_with(".svg") && !href.starts_with("/assets/"));
        let chart = chart.first().unwrap();
        let first = farm.browse(chart).await;
        let tag = first.header("etag").unwrap();
        let again = farm.ask(Scope::Read, Method::GET, chart).header("if-none-match", tag).send().await;
        assert_eq!((again.status.as_u16(), again.body.len(), again.header("etag")), (304, 0, Some(tag)));
        // The same as pixels, in English for everybody.
        for picture in [chart.replace(".svg", ".png"), chart.replace(".svg", ".dark.png"), "/alerts/badge.png".into()] {
            let first = farm.browse(&picture).await;
            assert_eq!((first.status.as_u16(), first.header("content-type")), (200, Some("image/png")), "{picture}");
            assert!(first.body.starts_with(b"\x89PNG\r\n\x1a\n"), "{picture}");
            let ask = farm.ask(Scope::Read, Method::GET, &picture).header("accept-language", "ko");
            assert_eq!(ask.send().await.body, first.body, "{picture}");
            let tag = first.header("etag").unwrap();
            let again = farm.ask(Scope::Read, Method::GET, &picture).header("if-none-match", tag).send().await;
            assert_eq!((again.status.as_u16(), again.body.len(), again.header("etag")), (304, 0, Some(tag)), "{picture}");
        }
        let assets = links(&farm.browse("/").await.text(), |href| href.starts_with("/assets/"));
        assert_eq!(assets.len(), 3, "{assets:?}");
        for asset in assets {
            let answer = farm.anonymous(Method::GET, &asset).send().await;
            assert_eq!(answer.status, 200, "{asset} needs no login");
            assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_comparison_holds_ratios_of_what_counts_and_reasons_for_the_rest() {
    with_farm(async |farm| {
        measured_farm(farm).await;
        let view = farm.view("/compare?base=mobilenet-v1+fp32&precision=").await;
        let devices = view["devices"].as_array().unwrap();
        assert_eq!(devices.len(), 2);
        let rows = devices[0]["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 4);
        let precision = |row: &Value| row["run"]["precision"].as_str().unwrap().to_owned();
        assert_eq!(rows.iter().map(precision).collect::<Vec<_>>(), ["int8", "int8", "fp32", "fp32"], "fastest first");
        for row in rows {
            let relative = row["relative"]["value"]["value"].as_f64().unwrap();
            if precision(row) == "int8" {
                let speedup = &row["speedup"]["value"];
                let [low, value, high] = ["low", "value", "high"].map(|end| speedup[end].as_f64().unwrap());
                assert!((value - 2.0).abs() < 0.02 && low <= value && value <= high, "{speedup}");
                assert!((relative - 0.5).abs() < 0.01, "{relative}");
            } else {
                assert_eq!(row["speedup"]["missing"], "not_asked");
                assert!((relative - 1.0).abs() < 0.01, "{relative}");
            }
            assert!(row["series"].is_i64() && row["size"].as_u64().unwrap() > 0, "{row}");
        }
        let failed = &devices[1]["rows"].as_array().unwrap()[3];
        assert_eq!((failed["run"]["validity"].is_null(), failed["speedup"]["missing"].as_str()), (true, Some("unavailable")));
        assert!(failed["relative"]["detail"].as_str().unwrap().contains("has no latency"), "{failed}");

        let one = farm.view("/compare?device=1&precision=int8&threads=1&engine=tract&cores=all&frequency=unpinned").await;
        assert_eq!(one["devices"][0]["rows"].as_array().unwrap().len(), 2);
        assert_eq!(one["query"], "device=1&precision=int8&threads=1&engine=tract&cores=all&frequency=unpinned");
        let nothing = farm.view("/compare?threads=7").await;
        assert_eq!(nothing["devices"].as_array().unwrap().len(), 0);
        let threads = &nothing["facets"][3];
        assert_eq!(threads["options"][2], serde_json::json!({ "value": "7", "label": "7", "chosen": true }));
    })
    .await;
}

#[tokio::test]
async fn a_verdict_is_said_in_the_readers_language() {
    with_farm(async |farm| {
        let gate = measured_farm(farm).await;
        let english = farm.browse(&format!("/gates/{}", gate.id)).await.text();
        assert!(english.contains("slower than the 2 % that are accepted: +"), "{english}");
        for path in [format!("/gates/{}", gate.id), "/gates".into()] {
            let ask = farm.ask(Scope::Read, Method::GET, &path).header("accept", "text/html").header("accept-language", "ko");
            let korean = ask.send().await.text();
            assert!(korean.contains("허용치 ") && korean.contains("보다 느림: "), "{path}: {korean}");
            assert!(!korean.contains("bdi lang=\"en\"") && !korean.contains("span lang=\"en\""), "{path}: {korean}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_sets_its_subjects_against_each_other() {
    with_farm(async |farm| {
        measured_farm(farm).await;
        let session = farm.view("/sessions/1").await;
        let pair = &session["pairs"][0];
        assert!((pair["ratio"]["value"]["value"].as_f64().unwrap() - 0.5).abs() < 0.01, "{pair}");
        assert_eq!(pair["rounds"].as_array().unwrap().len(), 10);
        let subjects = session["subjects"].as_array().unwrap();
        let measured: Vec<usize> = subjects.iter().map(|subject| subject["blocks"].as_array().unwrap().len()).collect();
        assert_eq!(measured, [10, 10]);
        let report = session["downloads"][0]["href"].as_str().unwrap();
        assert_eq!(farm.get::<SessionReport>(report).await.runs.len(), 2);
        let half_failed = farm.view("/sessions/3").await;
        assert_eq!(half_failed["pairs"].as_array().unwrap().len(), 0);
        let run = farm.view("/runs/1").await;
        assert_eq!(run["spread"]["samples"], 80);
        assert_eq!(run["series"].as_array().unwrap().len(), 7, "every metric that was measured");
    })
    .await;
}

#[tokio::test]
async fn the_first_page_says_what_is_wrong() {
    with_farm(async |farm| {
        let gate = measured_farm(farm).await;
        let reason = serde_json::json!({ "reason": "swollen battery" });
        farm.ask(Scope::Admin, Method::POST, "/api/v1/devices/2/quarantine").json(&reason).send().await;
        farm.submit(suite(&["squeezenet-1.1"])).await;
        let home = farm.view("/").await;
        let troubles = home["troubles"].as_array().unwrap();
        let kinds: Vec<&str> = troubles.iter().map(|trouble| trouble["trouble"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["quarantined", "runs_failed", "stuck", "gate_slower"]);
        assert_eq!(troubles[0]["reason"], "swollen battery");
        assert_eq!((&troubles[1]["count"], &troubles[1]["failure"]["detail"]), (&Value::from(2), &Value::from("signal 11")));
        assert_eq!((&troubles[2]["device"]["name"], &troubles[2]["state"]), (&json!("phone-two"), &json!("quarantined")));
        assert_eq!(troubles[3]["gate"], gate.id.0);
        let session = &home["sessions"][1];
        assert_eq!((&session["valid"], &session["failed"]), (&Value::from(1), &Value::from(1)), "{session}");
        farm.pass(time::Duration::days(2));
        let later = farm.view("/").await;
        assert_eq!(later["troubles"].as_array().unwrap().len(), 2, "old news is no trouble: {}", later["troubles"]);
    })
    .await;
}

#[tokio::test]
async fn runs_in_doubt_are_a_trouble_when_there_are_many_on_a_device() {
    with_farm(async |farm| {
        let (device, lease) = farm.leased_session().await;
        let mut sent = report(1, "one", &lease.session, |_| Some(MS));
        if let RunReport::Measured(run) = &mut sent.runs[1] {
            run.warmup.steady = false;
        }
        farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
        let troubles = farm.view("/").await["troubles"].clone();
        let trouble = &troubles[0];
        assert_eq!(trouble["trouble"], "runs_invalid", "{troubles}");
        assert_eq!((&trouble["count"], &trouble["of"], &trouble["newest"]), (&Value::from(1), &Value::from(2), &Value::from(2)));
        assert_eq!(trouble["doubt"]["reason"], "unsteady", "{trouble}");
        assert!(trouble["doubt"]["detail"].as_str().unwrap().starts_with("still a trend"), "{trouble}");
        // Ten more sessions without doubt make it one in twenty-two.
        for id in 2..12 {
            farm.submit(suite(&["squeezenet-1.1"])).await;
            let lease = farm.claim(device.id).await.unwrap();
            let sent = report(id, "one", &lease.session, |_| Some(MS));
            farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
        }
        assert_eq!(farm.view("/").await["troubles"].as_array().unwrap().len(), 0);
    })
    .await;
}
