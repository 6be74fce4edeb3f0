//! From a suite to jobs.

use axum::http::Method;
use benchrack_protocol::api::{Device, Model, NewModel, NewSubmission, Scope, Submission};
use benchrack_protocol::model::{Manifest, Precision};
use benchrack_protocol::problem::ProblemCode;
use benchrack_protocol::suite::Suite;
use benchrack_server::Limits;

use crate::farm::{Farm, Options, with_farm, with_options};
use crate::sample::{manifest, model_bytes, suite};

async fn with_models(farm: &Farm) {
    for name in ["squeezenet-1.1", "resnet-18"] {
        for precision in [Precision::Fp32, Precision::Int8] {
            farm.add_model(name, precision).await;
        }
    }
    farm.add_model("enet", Precision::Fp32).await;
}

async fn refused(farm: &Farm, suite: Suite, devices: &str, code: ProblemCode, words: &str) {
    let new = NewSubmission { suite, devices: devices.into() };
    farm.ask(Scope::Submit, Method::POST, "/api/v1/submissions").json(&new).send().await.refused(code, words);
}

#[tokio::test]
async fn a_suite_becomes_one_job_for_each_device_model_threads_and_point() {
    with_farm(async |farm| {
        farm.register("one").await;
        farm.register("two").await;
        with_models(farm).await;
        let cores = ["all", "big"].map(|cores| cores.parse().unwrap()).to_vec();
        // Four threads and as many as cores are the same on four big cores.
        let submission = farm.submit(Suite { threads: vec![1, 4, 0], cores, ..suite(&["*"]) }).await;
        assert_eq!(submission.jobs.len(), 2 * 3 * (3 + 2));
        let titles: Vec<&str> = submission.jobs.iter().map(|job| job.title.as_str()).collect();
        assert!(titles.contains(&"resnet-18 fp32/int8, tract, 8 threads"), "{titles:?}");
        assert!(titles.contains(&"enet fp32, tract, 1 thread, big cores, unpinned"), "{titles:?}");
        assert!(submission.jobs.iter().all(|job| job.state == "queued"));
        assert_eq!(farm.get::<Submission>(&format!("/api/v1/submissions/{}", submission.id)).await, submission);
    })
    .await;
}

#[tokio::test]
async fn devices_without_the_cores_are_left_out() {
    with_farm(async |farm| {
        farm.register("one").await;
        with_models(farm).await;
        let prime = vec!["prime".parse().unwrap()];
        refused(farm, Suite { cores: prime, ..suite(&["enet"]) }, "", ProblemCode::Invalid, "cores").await;
        let beyond = vec!["6-9".parse().unwrap(), "0-1".parse().unwrap()];
        assert_eq!(farm.submit(Suite { cores: beyond, ..suite(&["enet"]) }).await.jobs.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn unknown_names_are_refused_with_what_is_known() {
    with_farm(async |farm| {
        let unknown = ProblemCode::UnknownReference;
        refused(farm, suite(&["*"]), "", unknown, "no device has registered").await;
        farm.register("one").await;
        refused(farm, suite(&["*"]), "", unknown, "no models yet").await;
        with_models(farm).await;
        refused(farm, suite(&["vgg"]), "", unknown, "enet").await;
        refused(farm, suite(&["enet"]), "name=two", unknown, "phone-one").await;
        refused(farm, suite(&["enet"]), "colour=red", ProblemCode::Invalid, "colour").await;
        refused(farm, Suite { engines: vec!["magic".into()], ..suite(&["enet"]) }, "", unknown, "tract").await;
        refused(farm, Suite { precisions: vec![Precision::Fp16], ..suite(&["enet"]) }, "", unknown, "precisions").await;
        refused(farm, Suite { threads: vec![], ..suite(&["enet"]) }, "", ProblemCode::Invalid, "suite.threads").await;
        let mut idle = suite(&["enet"]);
        idle.plan.blocks = 0;
        refused(farm, idle, "", ProblemCode::Invalid, "suite.plan.blocks").await;
        assert_eq!(farm.scalar("select count(*) from submissions").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_submission_beyond_the_limit_is_refused_whole() {
    let limits = Limits { jobs_per_submission: 3, ..Limits::default() };
    with_options(Options { limits, ..Options::default() }, async |farm| {
        farm.register("one").await;
        with_models(farm).await;
        refused(farm, Suite { threads: vec![1, 2], ..suite(&["*"]) }, "", ProblemCode::Invalid, "more than 3 jobs").await;
        assert_eq!(farm.scalar("select count(*) from jobs").await, 0);
    })
    .await;
}

#[tokio::test]
async fn cancelling_spares_what_is_under_way_unless_asked() {
    with_farm(async |farm| {
        let device = farm.register("one").await;
        with_models(farm).await;
        let submission = farm.submit(suite(&["squeezenet-1.1", "resnet-18"])).await;
        let lease = farm.claim(device.id).await.unwrap();
        let cancel = async |query: &str| -> Vec<String> {
            let path = format!("/api/v1/submissions/{}/cancel{query}", submission.id);
            let submission: Submission = farm.ask(Scope::Submit, Method::POST, &path).send().await.ok();
            submission.jobs.into_iter().map(|job| job.state).collect()
        };
        assert_eq!(cancel("").await, ["leased", "cancelled"]);
        assert_eq!(cancel("?running=true").await, ["cancelled", "cancelled"]);
        let beat = benchrack_protocol::api::Heartbeat::of("on", 1, 2);
        farm.leased(&lease, "heartbeat").json(&beat).send().await.refused(ProblemCode::LeaseLost, "stop");
        assert_eq!(farm.get::<Device>(&format!("/api/v1/devices/{}", device.id)).await.state, "idle");
        let unknown = farm.ask(Scope::Submit, Method::POST, "/api/v1/submissions/99/cancel").send().await;
        unknown.refused(ProblemCode::NotFound, "submission 99");
    })
    .await;
}

#[tokio::test]
async fn suites_measure_the_newest_revision() {
    with_farm(async |farm| {
        let device = farm.register("one").await;
        let old = farm.add_revision("enet", Precision::Fp32, b"old", "r1").await;
        farm.pass(time::Duration::minutes(1));
        let new = farm.add_revision("enet", Precision::Fp32, b"new", "r2").await;
        farm.pass(time::Duration::minutes(1));
        let again = farm.add_revision("enet", Precision::Fp32, b"old", "r3").await;
        assert_eq!((again.id, again.revision.as_str()), (old.id, "r1"), "the same file is the same revision");
        let models: Vec<Model> = farm.get("/api/v1/models").await;
        assert_eq!(models.iter().map(|model| model.id).collect::<Vec<_>>(), [new.id, old.id]);
        farm.submit(suite(&["enet"])).await;
        let lease = farm.claim(device.id).await.unwrap();
        assert_eq!(lease.session.subjects[0].manifest, new.manifest);
    })
    .await;
}

#[tokio::test]
async fn a_manifest_that_makes_no_sense_is_refused_with_the_field() {
    with_farm(async |farm| {
        let bytes = model_bytes("enet", Precision::Fp32);
        let good = manifest("enet", Precision::Fp32, &bytes);
        let add = async |manifest: Manifest, code, words: &str| {
            let new = NewModel { manifest, revision: String::new() };
            farm.ask(Scope::Submit, Method::POST, "/api/v1/models").json(&new).send().await.refused(code, words);
        };
        add(good.clone(), ProblemCode::UnknownReference, "upload it first").await;
        farm.upload(&bytes).await;
        let invalid = ProblemCode::Invalid;
        add(Manifest { name: "a b".into(), ..good.clone() }, invalid, "manifest.name").await;
        add(Manifest { name: "a\u{7}".into(), ..good.clone() }, invalid, "control character").await;
        add(Manifest { name: "x".repeat(121), ..good.clone() }, invalid, "121 characters").await;
        add(Manifest { size: benchrack_protocol::units::Bytes(1), ..good.clone() }, invalid, "manifest.size").await;
        add(Manifest { claimed_accuracy: Some(71.3), ..good.clone() }, invalid, "claimed_accuracy").await;
        let mut flat = good.clone();
        flat.inputs[0].shape[1] = 0;
        add(flat, invalid, "dimension of 0").await;
        let new = NewModel { manifest: good, revision: String::new() };
        farm.post::<Model>(Scope::Submit, "/api/v1/models", &new).await;
    })
    .await;
}
