//! Long lists come in parts, and the parts together are the whole.

use std::collections::BTreeSet;

use axum::http::Method;
use benchrack_protocol::api::{Device, Gate, Reported, Scope};
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

async fn measure_many(farm: &Farm, sessions: u16) -> Device {
    let device = farm.register("one").await;
    for precision in [Precision::Fp32, Precision::Int8] {
        farm.add_model("squeezenet-1.1", precision).await;
    }
    let mut many = suite(&["squeezenet-1.1"]);
    many.threads = (1..=sessions).collect();
    farm.submit(many).await;
    let mut id = 0;
    while let Some(lease) = farm.claim(device.id).await {
        id += 1;
        let sent = report(id, "one", &lease.session, |place| Some(1_000_000 * (1 + place as u64)));
        farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
    }
    assert_eq!(id, u128::from(sessions));
    device
}

#[tokio::test]
async fn series_and_runs_lead_on_to_their_older_parts() {
    with_farm(async |farm| {
        let device = measure_many(farm, 52).await;
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
        let device = measure_many(farm, 1).await;
        farm.register("two").await;
        let bytes = b"another file".to_vec();
        farm.add_revision("squeezenet-1.1", Precision::Fp32, &bytes, "v2").await;
        farm.submit(suite(&["squeezenet-1.1"])).await;
        for (id, device, key) in [(100, device.id.0, "one"), (101, device.id.0 + 1, "two")] {
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
        assert_eq!(series["elsewhere"][0][0]["name"], "phone-two");
        assert_eq!(
            (series["metrics"].as_array().unwrap().len(), &series["left_out"], &series["axis"]),
            (7, &Value::from(0), &Value::from("order"))
        );
    })
    .await;
}
