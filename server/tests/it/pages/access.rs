//! Logging in by browser, and what each reader's pages look like.

use axum::http::Method;
use benchrack_protocol::api::Scope;
use benchrack_protocol::problem::ProblemCode;
use benchrack_server::AuthMode;

use crate::farm::{Answer, Ask, Farm, Options, with_farm, with_options};

const HTML: &str = "text/html,application/xhtml+xml;q=0.9";

fn browser<'a>(farm: &'a Farm, method: Method, path: &str) -> Ask<'a> {
    farm.anonymous(method, path).header("accept", HTML)
}

async fn log_in(farm: &Farm, token: &str, next: &str) -> Answer {
    let form = format!("token={token}&next={next}");
    browser(farm, Method::POST, "/login").raw("application/x-www-form-urlencoded", form).send().await
}

/// The `name=value` of the cookie that an answer sets.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_stranger_is_sent_to_the_login_and_from_there_to_the_page() {
    with_farm(async |farm| {
        let turned = browser(farm, Method::GET, "/compare?threads=4&base=a+fp32").send().await;
        assert_eq!(turned.status, 303);
        let login = turned.header("location").unwrap();
        assert_eq!(login, "/login?next=%2Fcompare%3Fthreads%3D4%26base%3Da%2Bfp32");
        let form = browser(farm, Method::GET, login).send().await;
        assert_eq!(form.status, 200);
        assert!(form.text().contains("value=\"/compare?threads=4&#38;base=a+fp32\""), "{}", form.text());

        let answer = log_in(farm, farm.token(Scope::Read), "%2Fcompare%3Fthreads%3D4").await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some("/compare?threads=4")));
        let attributes = answer.header("set-cookie").unwrap();
        for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=604800"] {
            assert!(attributes.contains(attribute), "{attributes}");
        }
        assert!(!attributes.contains("Secure"), "without https a Secure cookie would not be kept");
        let cookie = cookie(&answer);
        let page = browser(farm, Method::GET, "/compare").header("cookie", &cookie).send().await;
        assert_eq!(page.status, 200);
        assert!(page.text().contains("action=\"/logout\""), "a page says how to log out");
        let lost = browser(farm, Method::GET, "/nowhere").header("cookie", &cookie).send().await;
        assert!(lost.status == 404 && lost.text().contains("action=\"/logout\""), "an error page knows the reader too");

        let out = browser(farm, Method::POST, "/logout").header("cookie", &cookie).send().await;
        assert_eq!((out.status.as_u16(), out.header("location")), (303, Some("/login")));
        let after = browser(farm, Method::GET, "/").header("cookie", &cookie).send().await;
        assert_eq!(
            (after.status.as_u16(), after.header("location")),
            (303, Some("/login?next=%2F")),
            "the cookie is worth nothing now"
        );
    })
    .await;
}

#[tokio::test]
async fn a_wrong_token_shows_the_form_again_and_no_login_leads_away() {
    with_farm(async |farm| {
        let wrong = log_in(farm, "brk_wrong", "%2Frack").await;
        assert_eq!(wrong.status, 401);
        let text = wrong.text();
        assert!(
            text.contains("role=\"alert\"") && text.contains("unknown or revoked") && text.contains("value=\"/rack\""),
            "{text}"
        );
        assert_eq!(wrong.header("set-cookie"), None);
        for foreign in ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example"] {
            let answer = log_in(farm, farm.token(Scope::Read), foreign).await;
            assert_eq!(answer.header("location"), Some("/"), "{foreign}");
        }
        let garbage = browser(farm, Method::POST, "/login").raw("application/x-www-form-urlencoded", "next=x").send().await;
        assert_eq!(garbage.status, 400);
        for path in ["/login", "/logout"] {
            let forged = browser(farm, Method::POST, path).header("sec-fetch-site", "cross-site");
            let forged =
                forged.raw("application/x-www-form-urlencoded", format!("token={}", farm.token(Scope::Read))).send().await;
            assert_eq!((forged.status.as_u16(), forged.header("set-cookie")), (403, None), "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn programs_without_a_token_get_a_problem_and_agents_may_not_look() {
    with_farm(async |farm| {
        for path in ["/", "/compare/table.csv", "/view.json", "/runs/1"] {
            farm.anonymous(Method::GET, path).send().await.refused(ProblemCode::Unauthorized, "Bearer");
            farm.ask(Scope::Agent, Method::GET, path).send().await.refused(ProblemCode::Forbidden, "needs read");
        }
        let page = farm.ask(Scope::Agent, Method::GET, "/").header("accept", HTML).send().await;
        assert!(page.status == 403 && page.text().contains("<h1"), "{}", page.text());
    })
    .await;
}

#[tokio::test]
async fn an_open_server_asks_nobody_and_behind_https_cookies_are_secure() {
    with_options(Options { auth: AuthMode::OpenOnLoopback, ..Options::default() }, async |farm| {
        let page = browser(farm, Method::GET, "/").send().await;
        assert!(page.status == 200 && !page.text().contains("/logout"), "{}", page.text());
    })
    .await;
    with_options(Options { public_url: Some("https://farm.example".into()), ..Options::default() }, async |farm| {
        let answer = log_in(farm, farm.token(Scope::Read), "").await;
        assert!(answer.header("set-cookie").unwrap().ends_with("; Secure"));
    })
    .await;
}

#[tokio::test]
async fn colours_and_language_are_the_readers() {
    with_options(Options { auth: AuthMode::OpenOnLoopback, ..Options::default() }, async |farm| {
        let korean = browser(farm, Method::GET, "/rack").header("accept-language", "ko-KR,ko;q=0.9,en;q=0.5").send().await;
        assert!(korean.text().contains("<html lang=\"ko\""), "{}", korean.text());
        let chosen = browser(farm, Method::GET, "/preferences?theme=dark&lang=en&back=/rack").send().await;
        assert_eq!((chosen.status.as_u16(), chosen.header("location")), (303, Some("/rack")));
        let cookies: Vec<String> = chosen
            .headers
            .get_all("set-cookie")
            .iter()
            .map(|value| value.to_str().unwrap().split(';').next().unwrap().into())
            .collect();
        let page = browser(farm, Method::GET, "/rack")
            .header("accept-language", "ko")
            .header("cookie", &cookies.join("; "))
            .send()
            .await;
        let text = page.text();
        assert!(text.contains("<html lang=\"en\"") && text.contains("data-theme=\"dark\""), "{text}");
        let away = browser(farm, Method::GET, "/preferences?theme=dark&back=//evil.example").send().await;
        assert_eq!(away.header("location"), Some("/"));
    })
    .await;
}
