//! Files over HTTP.

use axum::http::Method;
use benchrack_protocol::api::{ArtifactStored, Scope};
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::problem::ProblemCode;
use benchrack_server::Limits;

use crate::farm::{Options, with_farm, with_options};

fn path(id: ArtifactId) -> String {
    format!("/api/v1/artifacts/{id}")
}

#[tokio::test]
async fn a_file_comes_back_as_it_went() {
    with_farm(async |farm| {
        let bytes: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
        let id = ArtifactId::of(&bytes);
        for known in [false, true] {
            let put = farm.ask(Scope::Submit, Method::PUT, &path(id)).raw("application/octet-stream", bytes.clone());
            let stored: ArtifactStored = put.send().await.ok();
            assert_eq!((stored.id, stored.size.0, stored.known), (id, bytes.len() as u64, known));
        }
        for scope in [Scope::Read, Scope::Agent] {
            let got = farm.ask(scope, Method::GET, &path(id)).send().await;
            assert_eq!((got.status.as_u16(), got.body == bytes), (200, true));
        }
        let head = farm.ask(Scope::Agent, Method::HEAD, &path(id)).send().await;
        let length = bytes.len().to_string();
        assert_eq!((head.status.as_u16(), head.header("content-length")), (200, Some(length.as_str())));
        assert!(head.body.is_empty());
    })
    .await;
}

#[tokio::test]
async fn wrong_bytes_wrong_names_and_missing_files_are_told_apart() {
    with_farm(async |farm| {
        let id = ArtifactId::of(b"announced");
        let put = farm.ask(Scope::Submit, Method::PUT, &path(id)).raw("application/octet-stream", "other bytes");
        put.send().await.refused(ProblemCode::HashMismatch, &id.to_string());
        farm.ask(Scope::Read, Method::GET, &path(id)).send().await.refused(ProblemCode::NotFound, "upload it first");
        let head = farm.ask(Scope::Read, Method::HEAD, &path(id)).send().await;
        assert_eq!(head.status, 404);
        let short = farm.ask(Scope::Submit, Method::PUT, "/api/v1/artifacts/abc").raw("application/octet-stream", "x");
        short.send().await.refused(ProblemCode::Malformed, "64 hexadecimal digits");
    })
    .await;
}

#[tokio::test]
async fn an_upload_beyond_the_limit_is_refused() {
    let limits = Limits { artifact_bytes: 1000, ..Limits::default() };
    with_options(Options { limits, ..Options::default() }, async |farm| {
        let bytes = vec![7; 1001];
        let put = farm.ask(Scope::Submit, Method::PUT, &path(ArtifactId::of(&bytes))).raw("application/octet-stream", bytes);
        put.send().await.refused(ProblemCode::TooLarge, "1000 bytes");
        let bytes = vec![7; 1000];
        let put = farm.ask(Scope::Submit, Method::PUT, &path(ArtifactId::of(&bytes))).raw("application/octet-stream", bytes);
        put.send().await.ok::<ArtifactStored>();
    })
    .await;
}
