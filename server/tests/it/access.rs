//! Who may do what.

use axum::http::Method;
use benchrack_protocol::api::{CreatedToken, Device, NewToken, Scope, Token};
use benchrack_protocol::problem::ProblemCode;
use benchrack_server::{AuthMode, document};
use serde_json::json;
use time::Duration;

use crate::farm::{Options, with_farm, with_options};

/// What each route asks for; a route that is not here, or no longer there, fails the test.
const NEEDED: [(&str, &str, &str); 42] = [
    ("put", "/devices/{device}", "agent"),
    ("get", "/devices/{device}", "read"),
    ("get", "/devices", "read"),
    ("post", "/devices/{device}/quarantine", "admin"),
    ("post", "/devices/{device}/readmit", "admin"),
    ("post", "/devices/{device}/retire", "admin"),
    ("get", "/racks", "read"),
    ("put", "/racks/{host}", "admin"),
    ("post", "/leases", "agent"),
    ("post", "/leases/{id}/heartbeat", "agent"),
    ("post", "/leases/{id}/report", "agent"),
    ("post", "/leases/{id}/release", "agent"),
    ("put", "/artifacts/{sha256}", "submit"),
    ("get", "/artifacts/{sha256}", "read or agent"),
    ("head", "/artifacts/{sha256}", "read or agent"),
    ("get", "/models", "read"),
    ("post", "/models", "submit"),
    ("get", "/engines", "read"),
    ("post", "/engines", "submit"),
    ("get", "/submissions", "read"),
    ("post", "/submissions", "submit"),
    ("get", "/submissions/{id}", "read"),
    ("post", "/submissions/{id}/cancel", "submit"),
    ("get", "/runs", "read"),
    ("get", "/runs/{id}", "read"),
    ("get", "/runs/{id}/measurement", "read"),
    ("get", "/sessions/{id}", "read"),
    ("get", "/studies", "read"),
    ("post", "/studies", "submit"),
    ("get", "/studies/{id}", "read"),
    ("get", "/alerts", "read"),
    ("get", "/alerts/{id}", "read"),
    ("post", "/alerts/{id}/triage", "submit"),
    ("get", "/self-test", "read"),
    ("post", "/gates", "submit"),
    ("get", "/gates/{id}", "read"),
    ("get", "/gates/{id}/receipt", "read"),
    ("get", "/tokens", "admin"),
    ("post", "/tokens", "admin"),
    ("delete", "/tokens/{id}", "admin"),
    ("get", "/events", "read"),
    ("get", "/metrics", "read"),
];

fn allowed(needed: &str, scope: Scope) -> bool {
    match scope {
        Scope::Admin => true,
        Scope::Agent => matches!(needed, "agent" | "read or agent"),
        Scope::Submit => matches!(needed, "submit" | "read" | "read or agent"),
        Scope::Read => matches!(needed, "read" | "read or agent"),
    }
}

fn address(path: &str) -> String {
    let filled =
        path.replace("{sha256}", &"0".repeat(64)).replace("{id}", "4711").replace("{device}", "4711").replace("{host}", "lab-4");
    if path == "/metrics" { filled } else { format!("/api/v1{filled}") }
}

#[tokio::test]
async fn every_route_lets_in_its_scopes_and_no_other() {
    with_farm(async |farm| {
        let document = serde_json::to_value(document(&farm.app)).unwrap();
        let mut documented: Vec<(String, String)> = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in ["get", "put", "post", "delete", "head", "patch"] {
                if item.get(method).is_some() {
                    documented.push((method.into(), path.trim_start_matches("/api/v1").into()));
                }
            }
        }
        for (method, path, needed) in NEEDED {
            let known = documented.iter().position(|(m, p)| m == method && p == path);
            match known {
                Some(at) => drop(documented.remove(at)),
                None => assert_eq!(path, "/metrics", "{method} {path} is not in the document"),
            }
            // The stream never ends by itself; its guard is that of the whole group.
            if path == "/events" {
                continue;
            }
            let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let anonymous = farm.anonymous(verb.clone(), &address(path)).send().await;
            assert_eq!(anonymous.status, 401, "{method} {path} without a token");
            let wrong = farm.anonymous(verb.clone(), &address(path)).header("authorization", "Bearer brk_wrong").send().await;
            assert_eq!(wrong.status, 401, "{method} {path} with an unknown token");
            for scope in [Scope::Agent, Scope::Submit, Scope::Read, Scope::Admin] {
                let answer = farm.ask(scope, verb.clone(), &address(path)).json(&json!({})).send().await;
                let let_in = !matches!(answer.status.as_u16(), 401 | 403);
                assert_eq!(let_in, allowed(needed, scope), "{method} {path} with {scope:?}: {}", answer.text());
            }
        }
        assert!(documented.is_empty(), "not in the table: {documented:?}");
    })
    .await;
}

#[tokio::test]
async fn health_needs_no_token() {
    with_farm(async |farm| {
        for path in ["/healthz", "/readyz", "/api/v1/openapi.json"] {
            assert_eq!(farm.anonymous(Method::GET, path).send().await.status, 200, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_works_until_it_is_revoked_and_its_use_is_noted() {
    with_farm(async |farm| {
        let new = NewToken { name: "rack in room 4".into(), scope: Scope::Read };
        let created: CreatedToken = farm.post(Scope::Admin, "/api/v1/tokens", &new).await;
        let use_it = || {
            let bearer = format!("bearer {}", created.secret);
            farm.anonymous(Method::GET, "/api/v1/devices").header("authorization", &bearer).send()
        };
        let listed = async || {
            let tokens: Vec<Token> = farm.ask(Scope::Admin, Method::GET, "/api/v1/tokens").send().await.ok();
            tokens.into_iter().find(|token| token.id == created.id).unwrap()
        };
        assert_eq!(listed().await.last_used_at, None);
        use_it().await.ok::<Vec<Device>>();
        assert_eq!(listed().await.last_used_at, Some(farm.now()));
        let first = farm.now();
        farm.pass(Duration::seconds(30));
        use_it().await.ok::<Vec<Device>>();
        assert_eq!(listed().await.last_used_at, Some(first), "kept to the minute");
        farm.ask(Scope::Admin, Method::DELETE, &format!("/api/v1/tokens/{}", created.id)).send().await.empty();
        use_it().await.refused(ProblemCode::Unauthorized, "unknown or revoked");
        assert_eq!(listed().await.revoked_at, Some(farm.now()));
        let unknown = farm.ask(Scope::Admin, Method::DELETE, "/api/v1/tokens/4711").send().await;
        unknown.refused(ProblemCode::NotFound, "token 4711");
        let stored =
            format!("select count(*) from tokens where name like '%{0}%' or encode(secret_hash, 'hex') = '{0}'", created.secret);
        assert_eq!(farm.scalar(&stored).await, 0);
    })
    .await;
}

fn open() -> Options {
    Options { auth: AuthMode::OpenOnLoopback, ..Options::default() }
}

#[tokio::test]
async fn an_open_server_answers_this_machine_but_no_bad_token() {
    with_options(open(), async |farm| {
        farm.anonymous(Method::GET, "/api/v1/devices").send().await.ok::<Vec<Device>>();
        let wrong = farm.anonymous(Method::GET, "/api/v1/devices").header("authorization", "Bearer brk_wrong");
        wrong.send().await.refused(ProblemCode::Unauthorized, "unknown or revoked");
        let basic = farm.anonymous(Method::GET, "/api/v1/devices").header("authorization", "Basic abc");
        basic.send().await.refused(ProblemCode::Unauthorized, "Bearer");
        let weak = farm.ask(Scope::Read, Method::GET, "/api/v1/tokens").send().await;
        weak.refused(ProblemCode::Forbidden, "needs admin");
    })
    .await;
}

#[tokio::test]
async fn an_open_server_does_not_answer_foreign_names() {
    with_options(open(), async |farm| {
        for host in ["evil.example:7070", "127.0.0.1.evil.example", "farm.example"] {
            let rebound = farm.anonymous(Method::GET, "/api/v1/devices").header("host", host).send().await;
            rebound.refused(ProblemCode::Forbidden, host);
        }
        for host in ["localhost:7070", "[::1]:7070", "127.0.0.1"] {
            farm.anonymous(Method::GET, "/api/v1/devices").header("host", host).send().await.ok::<Vec<Device>>();
        }
        let token = farm.ask(Scope::Read, Method::GET, "/api/v1/devices").header("host", "evil.example");
        token.send().await.ok::<Vec<Device>>();
    })
    .await;
    let named = Options { public_url: Some("https://farm.example/".into()), ..open() };
    with_options(named, async |farm| {
        farm.anonymous(Method::GET, "/api/v1/devices").header("host", "farm.example").send().await.ok::<Vec<Device>>();
    })
    .await;
}

#[tokio::test]
async fn another_sites_page_cannot_write() {
    with_options(open(), async |farm| {
        let post = |header: &str, value: &str| {
            let new = NewToken { name: "mine now".into(), scope: Scope::Admin };
            farm.anonymous(Method::POST, "/api/v1/tokens").header(header, value).json(&new).send()
        };
        post("origin", "https://evil.example").await.refused(ProblemCode::Forbidden, "another site");
        post("origin", "null").await.refused(ProblemCode::Forbidden, "another site");
        post("origin", "http://127.0.0.1:9999").await.refused(ProblemCode::Forbidden, "another site");
        post("sec-fetch-site", "cross-site").await.refused(ProblemCode::Forbidden, "another site");
        post("sec-fetch-site", "same-site").await.refused(ProblemCode::Forbidden, "another site");
        post("origin", "http://127.0.0.1:7070").await.ok::<CreatedToken>();
        post("sec-fetch-site", "same-origin").await.ok::<CreatedToken>();
        let form = farm.anonymous(Method::POST, "/api/v1/tokens").raw("text/plain", r#"{"name":"x","scope":"admin"}"#);
        form.send().await.refused(ProblemCode::Malformed, "application/json");
    })
    .await;
}
