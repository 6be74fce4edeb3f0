//! The artifact store on an S3-compatible service: a small one in this process, which keeps the rules that matter here
//! (multipart uploads are invisible until completed).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use benchrack_protocol::ids::ArtifactId;
use benchrack_server::{ArtifactConfig, ArtifactStore, StoreError};
use futures::TryStreamExt;

#[derive(Default)]
struct Bucket {
    objects: BTreeMap<String, Vec<u8>>,
    uploads: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
}

type Shared = Arc<Mutex<Bucket>>;

fn parameter(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then(|| value.to_owned())
    })
}

fn xml(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/xml")], body).into_response()
}

async fn object(
    State(bucket): State<Shared>,
    method: Method,
    Path(key): Path<String>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let query = query.unwrap_or_default();
    let mut bucket = bucket.lock().unwrap();
    let upload = parameter(&query, "uploadId");
    match (method, upload) {
        (Method::POST, None) => {
            let id = format!("upload-{}", bucket.uploads.len());
            bucket.uploads.insert(id.clone(), BTreeMap::new());
            xml(format!("<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"))
        }
        (Method::PUT, Some(id)) => {
            let part = parameter(&query, "partNumber").unwrap().parse().unwrap();
            bucket.uploads.get_mut(&id).unwrap().insert(part, body.to_vec());
            ([(header::ETAG, format!("\"{part}\""))], ()).into_response()
        }
        (Method::POST, Some(id)) => {
            let parts = bucket.uploads.remove(&id).unwrap();
            bucket.objects.insert(key.clone(), parts.into_values().flatten().collect());
            xml(format!("<CompleteMultipartUploadResult><ETag>{key}</ETag></CompleteMultipartUploadResult>"))
        }
        (Method::DELETE, Some(id)) => {
            bucket.uploads.remove(&id);
            StatusCode::NO_CONTENT.into_response()
        }
        (Method::PUT, None) => {
            bucket.objects.insert(key, body.to_vec());
            ([(header::ETAG, "\"whole\"")], ()).into_response()
        }
        (Method::GET, None) => match bucket.objects.get(&key) {
            Some(bytes) => {
                let headers = [(header::ETAG, "\"1\""), (header::LAST_MODIFIED, "Tue, 24 Nov 2026 12:00:00 GMT")];
                (headers, bytes.clone()).into_response()
            }
            None => (StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>").into_response(),
        },
        _ => StatusCode::NOT_IMPLEMENTED.into_response(),
    }
}

async fn listing() -> Response {
    xml("<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>0</KeyCount></ListBucketResult>".into())
}

#[tokio::test]
async fn artifacts_can_live_in_an_s3_service() {
    let bucket = Shared::default();
    let router = Router::new()
        .route("/farm", axum::routing::get(listing))
        .route("/farm/{*key}", axum::routing::any(object))
        .with_state(bucket.clone())
        .layer(axum::extract::DefaultBodyLimit::disable());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });

    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "secret\n").unwrap();
    let config = ArtifactConfig::S3 {
        bucket: "farm".into(),
        region: Some("eu-central-1".into()),
        endpoint: Some(endpoint),
        prefix: "benchrack/artifacts".into(),
        allow_http: true,
        access_key_id: Some("key".into()),
        secret_access_key_file: Some(secret),
    };
    let store = ArtifactStore::open(&config, folder.path()).unwrap();
    store.ping().await.unwrap();

    // Larger than one part.
    let bytes: Vec<u8> = (0..3_000_000u32).flat_map(u32::to_le_bytes).collect();
    let id = ArtifactId::of(&bytes);
    let chunks = || {
        futures::stream::iter(
            bytes.chunks(100_000).map(|chunk| Ok::<_, String>(bytes::Bytes::copy_from_slice(chunk))).collect::<Vec<_>>(),
        )
    };
    assert!(matches!(store.get(id).await, Err(StoreError::Missing(_))));
    assert_eq!(store.put(id, u64::MAX, chunks()).await.unwrap(), bytes.len() as u64);
    let got: Vec<bytes::Bytes> = store.get(id).await.unwrap().try_collect().await.unwrap();
    assert!(got.concat() == bytes);

    let other = ArtifactId::of(b"other");
    let error = store.put(other, u64::MAX, chunks()).await.unwrap_err();
    assert!(matches!(error, StoreError::HashMismatch { .. }), "{error}");
    let (objects, uploads) = {
        let bucket = bucket.lock().unwrap();
        (bucket.objects.keys().cloned().collect::<Vec<_>>(), bucket.uploads.len())
    };
    assert_eq!(objects, [format!("benchrack/artifacts/{}/{id}", &id.to_string()[..2])]);
    assert_eq!(uploads, 0, "the refused upload was aborted");
    serving.abort();
}
