//! Views under a name.

use axum::http::Method;
use benchrack_protocol::api::Scope;
use benchrack_protocol::problem::ProblemCode;

use crate::farm::{Answer, Farm, with_farm};

const FORM: &str = "application/x-www-form-urlencoded";

async fn post(farm: &Farm, scope: Scope, path: &str, form: &str) -> Answer {
    farm.ask(scope, Method::POST, path).raw(FORM, form.to_owned()).send().await
}

#[tokio::test]
async fn a_view_is_kept_under_a_name_on_the_first_page_until_it_is_removed() {
    with_farm(async |farm| {
        let ask = farm.ask(Scope::Submit, Method::GET, "/compare?precision=int8&p90_ms=20").header("accept", "text/html");
        let page = ask.send().await.text();
        let hidden = "name=\"path\" value=\"/compare?precision=int8&#38;p90_ms=20\"";
        assert!(page.contains("action=\"/views\"") && page.contains(hidden), "{page}");
        let form = "name=+int8+%26+quick+&path=%2Fcompare%3Fprecision%3Dint8%26p90_ms%3D20";
        let kept = post(farm, Scope::Submit, "/views", form).await;
        assert_eq!((kept.status.as_u16(), kept.header("location")), (303, Some("/")));
        let view = farm.view("/").await;
        assert_eq!(view["saved"][0]["name"], "int8 & quick");
        assert_eq!(view["saved"][0]["path"], "/compare?precision=int8&p90_ms=20");
        let home = farm.browse("/").await.text();
        assert!(home.contains("href=\"/compare?precision=int8&#38;p90_ms=20\""), "{home}");

        let found = farm.view("/search?q=QUICK").await;
        let hit = &found["hits"][0];
        assert_eq!((hit["kind"].as_str(), hit["name"].as_str()), (Some("saved_view"), Some("int8 & quick")));
        assert_eq!(hit["href"], "/compare?precision=int8&p90_ms=20");
        assert!(farm.view("/search?q=slow").await["hits"].as_array().unwrap().is_empty());

        let again = post(farm, Scope::Submit, "/views", form).await;
        again.refused(ProblemCode::Conflict, "'int8 & quick'");
        let id = format!("view={}", view["saved"][0]["id"]);
        let gone = post(farm, Scope::Submit, "/views/remove", &id).await;
        assert_eq!((gone.status.as_u16(), gone.header("location")), (303, Some("/")));
        assert!(farm.view("/").await["saved"].as_array().unwrap().is_empty());
        post(farm, Scope::Submit, "/views/remove", &id).await.refused(ProblemCode::NotFound, "saved view");
    })
    .await;
}

#[tokio::test]
async fn who_may_only_look_keeps_nothing_and_no_view_leads_away() {
    with_farm(async |farm| {
        for (path, form) in [("/views", "name=a&path=%2Frack"), ("/views/remove", "view=1")] {
            post(farm, Scope::Read, path, form).await.refused(ProblemCode::Forbidden, "needs submit");
            post(farm, Scope::Agent, path, form).await.refused(ProblemCode::Forbidden, "needs submit");
            farm.anonymous(Method::POST, path).raw(FORM, form).send().await.refused(ProblemCode::Unauthorized, "Bearer");
        }
        let page = farm.browse("/rack").await.text();
        assert!(!page.contains("action=\"/views\""), "what is refused is not offered");
        for (form, why) in [
            ("name=a&path=https%3A%2F%2Fevil.example", "path:"),
            ("name=a&path=%2F%2Fevil.example", "path:"),
            ("name=a&path=", "path is empty"),
            ("name=+&path=%2Frack", "name is empty"),
        ] {
            post(farm, Scope::Submit, "/views", form).await.refused(ProblemCode::Invalid, why);
        }
        let long = format!("name={}&path=%2Frack", "n".repeat(101));
        post(farm, Scope::Submit, "/views", &long).await.refused(ProblemCode::Invalid, "100 are the most");
        post(farm, Scope::Submit, "/views", "name=a").await.refused(ProblemCode::Malformed, "path");
        assert!(farm.view("/").await["saved"].as_array().unwrap().is_empty());
    })
    .await;
}
