//! Every refusal has a stable code, a way on, and no secret.

use axum::http::Method;
use benchrack_protocol::api::{NewToken, Scope};
use benchrack_protocol::problem::{Problem, ProblemCode};
use benchrack_server::Limits;
use serde_json::json;

use crate::farm::{Options, with_farm, with_options};

#[tokio::test]
async fn addresses_and_methods_that_do_not_exist_are_told_apart() {
    with_farm(async |farm| {
        farm.ask(Scope::Read, Method::GET, "/api/v1/nonsense").send().await.refused(ProblemCode::NotFound, "openapi.json");
        farm.anonymous(Method::GET, "/nonsense").send().await.refused(ProblemCode::NotFound, "openapi.json");
        let answer = farm.ask(Scope::Admin, Method::DELETE, "/api/v1/devices").send().await;
        assert_eq!(answer.header("allow"), Some("GET,HEAD"));
        answer.refused(ProblemCode::MethodNotAllowed, "Allow");
    })
    .await;
}

#[tokio::test]
async fn unreadable_requests_name_what_is_wrong() {
    with_farm(async |farm| {
        let post =
            |body: &'static str| farm.ask(Scope::Admin, Method::POST, "/api/v1/tokens").raw("application/json", body).send();
        post("{").await.refused(ProblemCode::Malformed, "whole JSON");
        post(r#"{"name": "a", "scope": "emperor"}"#).await.refused(ProblemCode::Invalid, "scope");
        post(r#"{"name": "a\u0000b", "scope": "read"}"#).await.refused(ProblemCode::Invalid, "name");
        let get = |path: &'static str| farm.ask(Scope::Read, Method::GET, path).send();
        get("/api/v1/runs/abc").await.refused(ProblemCode::Malformed, "address");
        get("/api/v1/runs?limit=-1").await.refused(ProblemCode::Malformed, "limit");
        get("/api/v1/runs?colour=red").await.refused(ProblemCode::Malformed, "colour");
        get("/api/v1/runs?precision=fp64").await.refused(ProblemCode::Malformed, "precision");
        get("/api/v1/runs?model=%00").await.refused(ProblemCode::Invalid, "NUL");
        get("/api/v1/runs/4711").await.refused(ProblemCode::NotFound, "run 4711");
        get("/api/v1/sessions/4711").await.refused(ProblemCode::NotFound, "session 4711");
        get("/api/v1/devices/4711").await.refused(ProblemCode::NotFound, "device 4711");
    })
    .await;
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_read() {
    let limits = Limits { json_bytes: 100, ..Limits::default() };
    with_options(Options { limits, ..Options::default() }, async |farm| {
        let long = json!({ "name": "x".repeat(200), "scope": "read" });
        let answer = farm.ask(Scope::Admin, Method::POST, "/api/v1/tokens").json(&long).send().await;
        answer.refused(ProblemCode::TooLarge, "100 bytes");
    })
    .await;
}

#[tokio::test]
async fn states_that_do_not_allow_it_are_conflicts() {
    with_farm(async |farm| {
        let device = farm.register("one").await;
        let order = |what: &str| farm.ask(Scope::Admin, Method::POST, &format!("/api/v1/devices/{}/{what}", device.id));
        order("readmit").send().await.refused(ProblemCode::Conflict, "idle");
        order("retire").json(&json!({ "reason": "broken" })).send().await.ok::<serde_json::Value>();
        let again = farm.ask(Scope::Agent, Method::PUT, "/api/v1/devices/one").json(&crate::sample::registration("one"));
        again.send().await.refused(ProblemCode::Conflict, "retired");
    })
    .await;
}

#[tokio::test]
async fn a_database_that_is_away_is_a_matter_of_time() {
    with_farm(async |farm| {
        farm.pool.close().await;
        let answer = farm.ask(Scope::Read, Method::GET, "/api/v1/devices").send().await;
        assert_eq!(answer.header("retry-after"), Some("2"));
        let problem = answer.refused(ProblemCode::Unavailable, "try again");
        assert!(!problem.detail.contains("pool"), "the cause is only logged: {}", problem.detail);
        farm.anonymous(Method::GET, "/readyz").send().await.refused(ProblemCode::Unavailable, "database");
        assert_eq!(farm.anonymous(Method::GET, "/healthz").send().await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_mistake_of_the_server_is_told_by_its_id_only() {
    with_farm(async |farm| {
        sqlx::raw_sql("alter table tokens rename column name to renamed").execute(&farm.pool).await.unwrap();
        let new = NewToken { name: "x".into(), scope: Scope::Read };
        let answer =
            farm.ask(Scope::Admin, Method::POST, "/api/v1/tokens").header("x-request-id", "abc-1").json(&new).send().await;
        let problem = answer.refused(ProblemCode::Internal, "request id");
        assert_eq!(problem.request_id.as_deref(), Some("abc-1"));
        assert!(!problem.detail.contains("column"), "{}", problem.detail);
    })
    .await;
}

#[tokio::test]
async fn the_document_names_every_code_and_is_whole() {
    with_farm(async |farm| {
        let answer = farm.anonymous(Method::GET, "/api/v1/openapi.json").send().await;
        let document: serde_json::Value = answer.ok();
        let codes = document["components"]["schemas"]["ProblemCode"].to_string();
        for code in ProblemCode::ALL {
            let name = Problem::new(*code, "").kind.rsplit(':').next().unwrap().to_owned();
            assert!(codes.contains(&format!("\"{name}\"")), "{name}");
        }
        let text = document.to_string();
        let missing: Vec<&str> = text
            .split("#/components/schemas/")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .filter(|name| document["components"]["schemas"].get(name).is_none())
            .collect();
        assert!(missing.is_empty(), "schemas referred to and not there: {missing:?}");
    })
    .await;
}
