//! What pages of devices show beside the newest runs: operating points, steadiness, times without work.

use axum::http::Method;
use benchrack_lifecycle::device::DevicePolicy;
use benchrack_protocol::api::Scope;
use benchrack_protocol::problem::ProblemCode;
use benchrack_server::seed::seed;
use serde_json::{Value, json};
use time::Duration;

use crate::farm::with_farm;
use crate::seed::plan;

fn cores(view: &Value) -> Vec<&str> {
    let points = view["operating"]["points"].as_array().unwrap();
    points.iter().map(|point| point["run"]["operating_point"]["cores"].as_str().unwrap()).collect()
}

/// Energy and p90 of a point.
fn figures(point: &Value) -> [f64; 2] {
    let metrics = point["run"]["metrics"].as_array().unwrap();
    ["energy", "latency_p90"].map(|name| {
        let found = metrics.iter().find(|metric| metric[0] == name).unwrap_or_else(|| panic!("no {name} in {point}"));
        found[1]["value"].as_f64().unwrap()
    })
}

#[tokio::test]
async fn the_cheapest_operating_point_of_each_cluster_keeps_the_budgets_and_nothing_cheaper_does() {
    with_farm(async |farm| {
        seed(farm.app.db(), &plan(3), &|_, _| {}).await.unwrap();
        let path = "/devices/1/view.json?model=small&precision=int8&engine=tract";
        let view: Value = farm.get(path).await;
        let points = view["operating"]["points"].as_array().unwrap();
        // Five clocks of each cluster, and the nightly suite's.
        assert_eq!(cores(&view).iter().filter(|name| **name == "big").count(), 5, "{:?}", cores(&view));
        assert_eq!(points.len(), 11);
        let clocks: Vec<u64> = points.iter().filter_map(|point| point["clock"].as_u64()).collect();
        assert_eq!(clocks.len(), 10, "the clock of a run that was left to the governor is not known");
        assert!(clocks[..5].is_sorted() && clocks[5..].is_sorted());
        let pinned: Vec<&Value> = points.iter().filter(|point| !point["clock"].is_null()).collect();
        let cheapest = view["operating"]["cheapest"].as_array().unwrap().clone();
        assert_eq!(cheapest.len(), 2, "one of each cluster, nothing of runs without energy");
        // A budget that the little cores cannot keep, and one that nothing keeps.
        let fastest_little = pinned.iter().filter(|point| point["run"]["operating_point"]["cores"] == "little");
        let fastest_little = fastest_little.map(|point| figures(point)[1]).fold(f64::INFINITY, f64::min);
        let limit = fastest_little * 0.9 / 1e6;
        let view: Value = farm.get(&format!("{path}&p90_ms={limit}")).await;
        let found = view["operating"]["cheapest"].as_array().unwrap();
        let keeping = pinned.iter().filter(|point| figures(point)[1] <= limit * 1e6);
        let best = keeping.min_by(|a, b| figures(a)[0].total_cmp(&figures(b)[0])).unwrap();
        assert_eq!(found, &[best["run"]["id"].clone()]);
        let view: Value = farm.get(&format!("{path}&p90_ms=0.0001")).await;
        assert_eq!(view["operating"]["cheapest"], json!([]));
        // Without a choice the subject with the most points is shown, and which one that is can be seen in the form.
        let view: Value = farm.get("/devices/1/view.json").await;
        assert_eq!(view["operating"]["points"].as_array().unwrap().len(), 11);
        assert_eq!(view["operating"]["facets"][0]["name"], "model");
        let chosen =
            |facet: &Value| facet["options"].as_array().unwrap().iter().filter(|option| option["chosen"] == true).count();
        assert!(view["operating"]["facets"].as_array().unwrap().iter().all(|facet| chosen(facet) == 1));
        let answer = farm.ask(Scope::Read, Method::GET, "/devices/1/view.json?power_w=two").send().await;
        answer.refused(ProblemCode::Malformed, "'two' is no budget");
    })
    .await;
}

#[tokio::test]
async fn a_device_tells_its_noise_from_its_newest_runs() {
    with_farm(async |farm| {
        farm.register("fresh").await;
        let view: Value = farm.get("/rack/view.json").await;
        assert_eq!(view["devices"][0]["steadiness"], Value::Null);
        assert_eq!(view["devices"][0]["control"], Value::Null);
    })
    .await;
    with_farm(async |farm| {
        seed(farm.app.db(), &plan(60), &|_, _| {}).await.unwrap();
        let view: Value = farm.get("/rack/view.json").await;
        for device in view["devices"].as_array().unwrap() {
            // Made with 0.4 to 2.4 %.
            let noise = device["steadiness"]["noise"].as_f64().unwrap();
            assert!((0.001..0.05).contains(&noise), "{device}");
            assert_eq!(device["steadiness"]["runs"], 4 * 16);
        }
    })
    .await;
}

#[tokio::test]
async fn times_without_work_are_remembered_with_their_reasons() {
    with_farm(async |farm| {
        let id = farm.register("one").await.id;
        let order = async |what: &str, body: &Value| {
            let path = format!("/api/v1/devices/{id}/{what}");
            let answer = farm.ask(Scope::Admin, Method::POST, &path).json(body).send().await;
            assert!(answer.status.is_success(), "{what}: {}", answer.text());
        };
        order("quarantine", &json!({"reason": "swollen battery"})).await;
        farm.pass(Duration::hours(2));
        order("readmit", &json!({})).await;
        farm.pass(Duration::hours(1) + DevicePolicy::default().offline_after);
        farm.app.tick(farm.now()).await.unwrap();
        let view: Value = farm.get(&format!("/devices/{id}/view.json")).await;
        let told: Vec<(&Value, &Value, bool)> = view["absences"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (&one["state"], &one["reason"], one["until"].is_null()))
            .collect();
        let (offline, quarantined) = (json!("offline"), json!("quarantined"));
        assert_eq!(told, [(&offline, &Value::Null, true), (&quarantined, &json!("swollen battery"), false)]);
        assert_eq!(farm.scalar("select extract(epoch from max(until - since))::bigint from device_absences").await, 2 * 3600);
    })
    .await;
}
