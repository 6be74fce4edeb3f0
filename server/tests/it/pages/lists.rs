//! Long lists come in parts, and the parts together are the whole.

use std::collections::BTreeSet;

use axum::http::Method;
use benchrack_protocol::api::{Device, Gate, NewSubmission, Reported, Scope, Submission};
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::model::Precision;
use serde_json::Value;

use crate::farm::{Farm, with_farm};
use crate::sample::{gate_subject, model_bytes, new_gate, report, suite};

/// Follows a list from part to part; ids of its rows and the number of parts.
async fn walk(farm: &Farm, start: &str, rows: &str, id: &str, next: &str) -> (Vec<i64>, usize) {
    let (mut path, mut ids, mut parts) = (start.to_owned(), Vec::new(), 0);
    loop {
        parts += 1;
        assert!(parts < 10, "the list has no end");
        let page = farm.ask(Scope::Read, Method::GET, &path).header("accept", "text/html").send().await;
        assert_eq!(page.status, 200, "{path}");
        let view = farm.view(&path).await;
        let list = view.pointer(rows).unwrap().as_array().unwrap();
        ids.extend(list.iter().map(|row| row.pointer(id).unwrap().as_i64().unwrap()));
        match view.pointer(next).and_then(Value::as_str) {
            Some(older) => path = older.to_owned(),
            None => return (ids, parts),
        }
    }
}

fn each_once(ids: &[i64], count: usize) {
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "none twice");
    assert_eq!(ids.len(), count);
}

/// A device that measured a model in two precisions with so many different numbers of threads.
async fn measure_many(farm: &Farm, key: &str, sessions: u16) -> Device {
    let device = farm.register(key).await;
    for precision in [Precision::Fp32, Precision::Int8] {
        farm.add_model("squeezenet-1.1", precision).await;
    }
    let mut many = suite(&["squeezenet-1.1"]);
    many.threads = (1..=sessions).collect();
    let new = NewSubmission { suite: many, devices: format!("name=phone-{key}") };
    farm.post::<Submission>(Scope::Submit, "/api/v1/submissions", &new).await;
    let mut delivered = 0;
    while let Some(lease) = farm.claim(device.id).await {
        delivered += 1;
        let id = u128::try_from(device.id.0).unwrap() * 1_000 + u128::from(delivered);
        let sent = report(id, key, &lease.session, |place| Some(1_000_000 * (1 + place as u64)));
        farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
    }
    assert_eq!(delivered, sessions);
    device
}

#[tokio::test]
async fn series_and_runs_lead_on_to_their_older_parts() {
    with_farm(async |farm| {
        let device = measure_many(farm, "one", 52).await;
        let (series, parts) = walk(farm, "/series", "/rows", "/key/id", "/more").await;
        assert_eq!(parts, 2);
        each_once(&series, 104);
        let (filtered, parts) = walk(farm, "/series?metric=load&precision=int8", "/rows", "/key/id", "/more").await;
        assert_eq!((filtered.len(), parts), (52, 1));
        let (runs, parts) = walk(farm, &format!("/devices/{}", device.id), "/runs/runs", "/id", "/runs/older").await;
        assert_eq!(parts, 2);
        each_once(&runs, 104);
        assert!(runs.is_sorted_by(|a, b| a > b), "newest first");
        let rows = farm.view("/series?threads=7").await;
        assert_eq!(rows["rows"].as_array().unwrap().len(), 2);
        assert_eq!(rows["rows"][0]["recent"].as_array().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn gates_lead_on_to_their_older_parts() {
    with_farm(async |farm| {
        farm.register("one").await;
        for name in ["small", "large"] {
            farm.upload(&model_bytes(name, Precision::Fp32)).await;
        }
        let new = new_gate(gate_subject("small", Precision::Fp32), gate_subject("large", Precision::Fp32));
        for _ in 0..101 {
            farm.post::<Gate>(Scope::Submit, "/api/v1/gates", &new).await;
        }
        let (gates, parts) = walk(farm, "/gates", "/rows", "/id", "/older").await;
        assert_eq!(parts, 2);
        each_once(&gates, 101);
    })
    .await;
}

#[tokio::test]
async fn a_series_has_every_point_and_its_neighbours() {
    with_farm(async |farm| {
        let device = measure_many(farm, "one", 1).await;
        farm.register("two").await;
        let bytes = b"another file".to_vec();
        farm.add_revision("squeezenet-1.1", Precision::Fp32, &bytes, "v2").await;
        farm.submit(suite(&["squeezenet-1.1"])).await;
        for (id, device, key) in [(1, device.id.0, "one"), (2, device.id.0 + 1, "two")] {
            let lease = farm.claim(benchrack_protocol::ids::DeviceId(device)).await.unwrap();
            farm.pass(time::Duration::seconds(10));
            let sent = report(id, key, &lease.session, |_| Some(2_000_000));
            farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
        }
        let list = farm.view("/series?precision=fp32&device=1").await;
        let id = &list["rows"][0]["key"]["id"];
        assert_eq!((&list["rows"][0]["points"], list["rows"].as_array().unwrap().len()), (&Value::from(2), 1));
        let series = farm.view(&format!("/series/{id}?x=order")).await;
        let revisions: Vec<&str> =
            series["points"].as_array().unwrap().iter().map(|point| point["model_revision"].as_str().unwrap()).collect();
        assert_eq!((revisions[0].len(), revisions[1]), (12, "v2"), "without a revision a model is known by its digest");
        assert_eq!(series["elsewhere"].as_array().unwrap().len(), 1);
        assert_eq!(series["elsewhere"][0]["device"]["name"], "phone-two");
        assert_eq!(
            (series["metrics"].as_array().unwrap().len(), &series["left_out"], &series["axis"]),
            (7, &Value::from(0), &Value::from("order"))
        );
    })
    .await;
}

#[tokio::test]
async fn a_comparison_too_long_to_read_begins_with_one_device_and_shows_all_when_asked() {
    with_farm(async |farm| {
        for key in ["one", "two"] {
            measure_many(farm, key, 40).await;
        }
        let shown = async |query: &str| {
            let view = farm.view(&format!("/compare?{query}")).await;
            let rows = |device: &Value| device["rows"].as_array().unwrap().len();
            let devices: Vec<usize> = view["devices"].as_array().unwrap().iter().map(rows).collect();
            let options = view["facets"][0]["options"].as_array().unwrap();
            let chosen = options.iter().find(|option| option["chosen"] == true).unwrap()["label"].as_str().unwrap().to_owned();
            (devices, chosen, view["query"].as_str().unwrap().to_owned())
        };
        assert_eq!(shown("").await, (vec![80], "phone-one".into(), "device=1".into()));
        assert_eq!(shown("device=").await, (vec![80, 80], String::new(), "device=".into()));
        assert_eq!(shown("device=2").await, (vec![80], "phone-two".into(), "device=2".into()));
        assert_eq!(shown("precision=int8").await, (vec![40, 40], String::new(), "precision=int8".into()));
    })
    .await;
}

#[tokio::test]
async fn names_are_found_by_a_part_and_what_has_only_a_number_by_that() {
    with_farm(async |farm| {
        let (device, lease) = farm.leased_session().await;
        farm.leased(&lease, "report").json(&report(1, "one", &lease.session, |_| Some(5_000_000))).send().await.ok::<Reported>();
        let found = async |words: &str| -> Vec<(String, String)> {
            let view = farm.view(&format!("/search?q={words}")).await;
            let text = |hit: &Value, key: &str| hit[key].as_str().unwrap().to_owned();
            view["hits"].as_array().unwrap().iter().map(|hit| (text(hit, "kind"), text(hit, "href"))).collect()
        };
        let pair = |kind: &str, href: &str| (kind.to_owned(), href.to_owned());
        assert_eq!(found("PHONE-o").await, [pair("device", &format!("/devices/{}", device.id))]);
        let models = found("squeeze").await;
        assert!(
            models.len() == 2 && models.iter().all(|(kind, href)| kind == "model" && href.starts_with("/models?of=")),
            "{models:?}"
        );
        assert_eq!(found("1").await[..2], [pair("run", "/runs/1"), pair("session", "/sessions/1")]);
        // What stands for anything in a pattern stands for itself here.
        for nothing in ["%25", "_", "%5C", "", "nothing-of-that-name", "99999999999999999999"] {
            assert!(found(nothing).await.is_empty(), "{nothing}");
        }
        for (_, href) in found("squeeze").await.into_iter().chain(found("1").await) {
            let page = farm.ask(Scope::Read, Method::GET, &href).header("accept", "text/html").send().await;
            assert_eq!(page.status, 200, "{href}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_model_is_listed_with_its_newest_revision_and_its_runs_and_leads_to_earlier_ones() {
    with_farm(async |farm| {
        let (device, lease) = farm.leased_session().await;
        farm.leased(&lease, "report").json(&report(1, "one", &lease.session, |_| Some(5_000_000))).send().await.ok::<Reported>();
        let first = farm.view("/models").await["rows"][0].clone();
        assert_eq!((&first["runs"], &first["has_earlier"], &first["superseded"]), (&1.into(), &false.into(), &false.into()));
        farm.pass(time::Duration::hours(1));
        let newer = farm.add_revision("squeezenet-1.1", Precision::Fp32, b"another file", "r2").await;
        let listed = farm.view("/models").await;
        let rows = listed["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 2, "one row for each precision");
        let fp32 = rows.iter().find(|row| row["precision"] == "fp32").unwrap();
        assert_eq!((&fp32["id"], &fp32["runs"], &fp32["has_earlier"]), (&newer.id.0.into(), &0.into(), &true.into()));
        let revisions = farm.view(&format!("/models?of={}", newer.id)).await;
        let names: Vec<&str> =
            revisions["rows"].as_array().unwrap().iter().map(|row| row["revision"].as_str().unwrap()).collect();
        assert_eq!(names, ["r2", ""]);
        assert_eq!((&revisions["rows"][1]["runs"], &revisions["rows"][1]["superseded"]), (&1.into(), &true.into()));
        let unknown = farm.ask(Scope::Read, Method::GET, "/models?of=99").header("accept", "text/html").send().await;
        assert_eq!((unknown.status.as_u16(), device.id.0), (404, 1));
    })
    .await;
}

#[tokio::test]
async fn revisions_of_one_model_are_compared_with_one_of_them() {
    with_farm(async |farm| {
        let (device, mut lease) = farm.leased_session().await;
        // The file of before has no word; two files after it have the same; the last is not measured yet.
        for (nth, (bytes, milliseconds)) in [(None, 10), (Some("second"), 8), (Some("third"), 12)].into_iter().enumerate() {
            if let Some(bytes) = bytes {
                farm.pass(time::Duration::hours(1));
                farm.add_revision("squeezenet-1.1", Precision::Fp32, bytes.as_bytes(), "v2").await;
                farm.submit(suite(&["squeezenet-1.1"])).await;
                lease = farm.claim(device.id).await.unwrap();
            }
            let sent = report(nth as u128 + 1, "one", &lease.session, |place| Some(milliseconds * 1_000_000 - place as u64));
            farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
        }
        farm.pass(time::Duration::hours(1));
        farm.add_revision("squeezenet-1.1", Precision::Fp32, b"fourth", "v3").await;
        let view = farm.view("/compare?model=squeezenet-1.1&precision=fp32").await;
        let rows = view["devices"][0]["rows"].as_array().unwrap();
        let revisions: Vec<&str> = rows.iter().map(|row| row["revision"].as_str().unwrap()).collect();
        let file = |bytes: &[u8]| ArtifactId::of(bytes).short();
        let first = file(&model_bytes("squeezenet-1.1", Precision::Fp32));
        let (second, third) = (format!("v2 · {}", file(b"second")), format!("v2 · {}", file(b"third")));
        assert_eq!(revisions, [&second, &first, &third], "fastest first");
        let relative = |view: &Value, nth: usize| view["devices"][0]["rows"][nth]["relative"].clone();
        assert_eq!(relative(&view, 0)["missing"], "not_asked");
        let base = form_urlencoded::byte_serialize(format!("squeezenet-1.1 fp32 {first}").as_bytes()).collect::<String>();
        let against = farm.view(&format!("/compare?model=squeezenet-1.1&precision=fp32&base={base}")).await;
        for (nth, share) in [(0, 0.8), (1, 1.0), (2, 1.2)] {
            let value = relative(&against, nth)["value"]["value"].as_f64().unwrap();
            assert!((value - share).abs() < 0.01, "{nth}: {value}");
        }
        let model = &against["facets"][1];
        assert_eq!((&model["name"], &model["options"][1]["chosen"]), (&"model".into(), &true.into()), "{model}");
        // Without a model each has its newest run; an unknown one has none.
        let newest = farm.view("/compare?precision=fp32").await;
        let rows = newest["devices"][0]["rows"].as_array().unwrap();
        assert!(rows.len() == 1 && rows[0]["revision"].is_null(), "{rows:?}");
        assert!(farm.view("/compare?model=nobody").await["devices"].as_array().unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_series_is_drawn_in_parts_that_their_links_reproduce() {
    with_farm(async |farm| {
        let (_, mut lease) = farm.leased_session().await;
        for nth in 1..=5 {
            let sent = report(nth, "one", &lease.session, |_| Some(5_000_000 + nth as u64));
            farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
            farm.pass(time::Duration::hours(1));
            farm.submit(suite(&["squeezenet-1.1"])).await;
            lease = farm.claim(benchrack_protocol::ids::DeviceId(1)).await.unwrap();
        }
        let series = farm.scalar("select min(id) from series where metric = 'latency'").await;
        let runs = |view: &Value| -> Vec<i64> {
            view["points"].as_array().unwrap().iter().map(|point| point["run"].as_i64().unwrap()).collect()
        };
        let all = runs(&farm.view(&format!("/series/{series}")).await);
        assert_eq!(all.len(), 5);
        let newest = farm.view(&format!("/series/{series}?points=2")).await;
        assert_eq!((runs(&newest), &newest["left_out"]), (all[3..].to_vec(), &3.into()));
        let earlier = newest["range"]["earlier"].as_i64().unwrap();
        let before = farm.view(&format!("/series/{series}?points=2&until={earlier}")).await;
        assert_eq!(runs(&before), all[1..3]);
        let page =
            farm.ask(Scope::Read, Method::GET, &format!("/series/{series}?points=2")).header("accept", "text/html").send().await;
        assert!(
            page.text().contains(&format!("?points=2&amp;until={earlier}"))
                || page.text().contains(&format!("?points=2&#38;until={earlier}"))
        );
        for wrong in ["points=0", "points=10001", "points=many", "until=x"] {
            let refused = farm
                .ask(Scope::Read, Method::GET, &format!("/series/{series}?{wrong}"))
                .header("accept", "text/html")
                .send()
                .await;
            assert!(refused.status.is_client_error(), "{wrong}: {}", refused.status);
        }
    })
    .await;
}

#[tokio::test]
async fn budgets_and_axes_of_the_comparison_are_in_its_address_and_nonsense_is_refused() {
    with_farm(async |farm| {
        let (_, lease) = farm.leased_session().await;
        let latency = |place| Some([20_000_000, 5_000_000][place]);
        farm.leased(&lease, "report").json(&report(1, "one", &lease.session, latency)).send().await.ok::<Reported>();
        let view = farm.view("/compare?p90_ms=10&y=latency_p90&x=macs").await;
        assert_eq!(view["axes"], serde_json::json!({"y": "latency_p90", "x": "macs"}));
        assert_eq!((&view["budgets"][0]["field"], &view["budgets"][0]["limit"]), (&"p90_ms".into(), &10.0.into()));
        let query = view["query"].as_str().unwrap();
        assert!(query.contains("y=latency_p90&x=macs&p90_ms=10"), "{query}");
        let table = farm.ask(Scope::Read, Method::GET, &format!("/compare/table.csv?{query}")).send().await.text();
        let kept: Vec<bool> = table.lines().skip(1).map(|line| line.ends_with(",true")).collect();
        assert_eq!(kept, [true, false], "rows come fastest first");
        let chart = farm.ask(Scope::Read, Method::GET, &format!("/compare/peak_rss-latency_p99-1.svg?{query}")).send().await;
        assert_eq!((chart.status.as_u16(), chart.header("content-type")), (200, Some("image/svg+xml")));
        for wrong in ["p90_ms=fast", "p90_ms=-1", "size_mb=inf", "x=depth"] {
            let refused =
                farm.ask(Scope::Read, Method::GET, &format!("/compare?{wrong}")).header("accept", "text/html").send().await;
            assert!(refused.status.is_client_error(), "{wrong}: {}", refused.status);
        }
    })
    .await;
}
