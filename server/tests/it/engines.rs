//! Builds of engines: added, chosen for a device, and seen in results.

use axum::http::Method;
use benchrack_protocol::adapter::{Adapter, Figure, FigurePattern, FigureUnit, MatchedLine};
use benchrack_protocol::api::{Device, Engine, Gate, NewSubmission, Registration, Reported, Run, Scope};
use benchrack_protocol::engine::{EngineBuild, EngineRef};
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::model::{ModelFormat, Precision};
use benchrack_protocol::problem::ProblemCode;
use benchrack_protocol::report::AgentBuild;
use benchrack_protocol::suite::{Axis, Suite};
use benchrack_protocol::units::Bytes;
use serde_json::Value;

use crate::farm::{Farm, with_farm};
use crate::sample::{gate_subject, model_bytes, new_gate, registration, report, suite};

const MS: u64 = 1_000_000;
/// What the sample devices' agents run on.
const TARGET: &str = "aarch64-linux-android";

fn build(name: &str, version: &str, target: &str) -> (EngineBuild, Vec<u8>) {
    let bytes = format!("{name} {version} {target}").into_bytes();
    let engine = EngineRef { build: Some(ArtifactId::of(&bytes)), ..EngineRef::named(name) };
    let size = Bytes(bytes.len() as u64);
    let (version, target) = (version.to_owned(), target.to_owned());
    (EngineBuild { engine, version, target, licence: "MIT".into(), size, installed_size: size, origin: "test".into() }, bytes)
}

impl Farm {
    pub async fn add_engine(&self, name: &str, version: &str, target: &str) -> Engine {
        let (build, bytes) = build(name, version, target);
        self.upload(&bytes).await;
        let engine = self.post(Scope::Submit, "/api/v1/engines", &build).await;
        self.pass(time::Duration::minutes(1));
        engine
    }

    async fn register_on(&self, key: &str, target: &str) -> Device {
        let agent = AgentBuild { version: "0.1.0".into(), target: target.into() };
        let new = Registration { agent, ..registration(key) };
        self.ask(Scope::Agent, Method::PUT, &format!("/api/v1/devices/{key}")).json(&new).send().await.ok()
    }

    async fn refused_suite(&self, suite: Suite, code: ProblemCode, words: &str) {
        let new = NewSubmission { suite, devices: String::new() };
        self.ask(Scope::Submit, Method::POST, "/api/v1/submissions").json(&new).send().await.refused(code, words);
    }
}

fn on(engines: &[&str], models: &[&str]) -> Suite {
    Suite { engines: engines.iter().map(|engine| (*engine).to_owned()).collect(), ..suite(models) }
}

#[tokio::test]
async fn a_build_is_added_once_and_listed_by_name_newest_first() {
    with_farm(async |farm| {
        let old = farm.add_engine("onnxruntime", "1.31.1", TARGET).await;
        let new = farm.add_engine("onnxruntime", "1.32.0", TARGET).await;
        let other = farm.add_engine("litert", "2.3.0", TARGET).await;
        let again = farm.add_engine("onnxruntime", "1.31.1", TARGET).await;
        assert_eq!(again, old, "the same file is the same build");
        let listed: Vec<Engine> = farm.get("/api/v1/engines").await;
        assert_eq!(listed, [other, new, old]);
    })
    .await;
}

#[tokio::test]
async fn a_build_that_makes_no_sense_is_refused_with_the_field() {
    with_farm(async |farm| {
        let (good, bytes) = build("onnxruntime", "1.32.0", TARGET);
        let add = async |build: EngineBuild, code, words: &str| {
            farm.ask(Scope::Submit, Method::POST, "/api/v1/engines").json(&build).send().await.refused(code, words);
        };
        let invalid = ProblemCode::Invalid;
        let with = |change: &dyn Fn(&mut EngineBuild)| {
            let mut build = good.clone();
            change(&mut build);
            build
        };
        add(good.clone(), ProblemCode::UnknownReference, "upload it first").await;
        farm.upload(&bytes).await;
        add(with(&|b| b.engine.build = None), invalid, "engine.build is missing").await;
        add(with(&|b| b.engine.name = "tract".into()), invalid, "inside every agent").await;
        add(with(&|b| b.engine.name = "a@b".into()), invalid, "engine.name").await;
        add(with(&|b| b.version = String::new()), invalid, "version is empty").await;
        add(with(&|b| b.target = "x86_64".into()), invalid, "x86_64-linux-gnu").await;
        add(with(&|b| b.licence = "\u{7}".into()), invalid, "licence").await;
        add(with(&|b| b.size = Bytes(1)), invalid, "size is 1 bytes").await;
        add(with(&|b| b.installed_size = Bytes(0)), invalid, "installed_size").await;
        add(with(&|b| b.engine.entry = Some("../lib.so".into())), invalid, "engine.entry").await;
        let silent =
            Adapter { arguments: vec!["--help".into()], formats: vec![ModelFormat::Onnx], figures: Vec::new(), version: None };
        add(with(&|b| b.engine.adapter = Some(silent.clone())), invalid, "{model}").await;
        assert_eq!(farm.scalar("select count(*) from engines").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_suite_takes_the_newest_build_for_each_devices_target_or_the_version_it_names() {
    with_farm(async |farm| {
        let device = farm.register("one").await;
        farm.add_model("enet", Precision::Fp32).await;
        let first = farm.add_engine("onnxruntime", "1.31.1", TARGET).await;
        let second = farm.add_engine("onnxruntime", "1.32.0", TARGET).await;
        farm.add_engine("onnxruntime", "1.33.0", "x86_64-linux-gnu").await;
        for (name, expected) in [("onnxruntime", &second), ("onnxruntime@1.31.1", &first)] {
            let submission = farm.submit(on(&[name], &["enet"])).await;
            assert_eq!(submission.jobs[0].title, "enet fp32, onnxruntime, 1 thread");
            let lease = farm.claim(device.id).await.unwrap();
            assert_eq!(lease.session.subjects[0].engine, expected.build.engine, "{name}");
            let sent = report(u128::from(name.len() as u64), "one", &lease.session, |_| Some(10 * MS));
            farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
        }
    })
    .await;
}

#[tokio::test]
async fn devices_without_a_build_are_left_out_and_the_last_one_is_named() {
    with_farm(async |farm| {
        farm.register("one").await;
        farm.register_on("two", "x86_64-linux-musl").await;
        farm.add_model("enet", Precision::Fp32).await;
        farm.add_engine("onnxruntime", "1.32.0", "x86_64-linux-gnu").await;
        let (invalid, unknown) = (ProblemCode::Invalid, ProblemCode::UnknownReference);
        farm.refused_suite(on(&["onnxruntime"], &["enet"]), invalid, "for x86_64-linux-musl, the target of phone-two").await;
        farm.refused_suite(on(&["onnxruntime@9"], &["enet"]), unknown, "known are 1.32.0 for x86_64-linux-gnu").await;
        farm.refused_suite(on(&["magic"], &["enet"]), unknown, "known are tract, onnxruntime").await;
        farm.refused_suite(on(&["tract@0.1"], &["enet"]), unknown, "no builds to choose").await;
        farm.add_engine("onnxruntime", "1.32.0", TARGET).await;
        assert_eq!(farm.submit(on(&["onnxruntime"], &["enet"])).await.jobs.len(), 1);
        assert_eq!(farm.submit(on(&["tract", "onnxruntime"], &["enet"])).await.jobs.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_program_runs_beside_a_static_agent_and_gets_only_files_it_takes() {
    with_farm(async |farm| {
        let device = farm.register_on("one", "aarch64-linux-musl").await;
        farm.add_model("enet", Precision::Fp32).await;
        let (mut build, bytes) = build("perf", "1.0", "aarch64-android-bionic");
        let mean = FigurePattern {
            figure: Figure::Mean,
            pattern: r"avg=(\S+)".into(),
            unit: FigureUnit::Microseconds,
            line: MatchedLine::Last,
        };
        let adapter =
            |formats| Adapter { arguments: vec!["{model}".into()], formats, figures: vec![mean.clone()], version: None };
        build.engine.adapter = Some(adapter(vec![ModelFormat::Tflite]));
        farm.upload(&bytes).await;
        farm.post::<Engine>(Scope::Submit, "/api/v1/engines", &build).await;
        farm.refused_suite(on(&["perf"], &["enet"]), ProblemCode::Invalid, "perf takes no files as enet is").await;
        build.engine.adapter = Some(adapter(vec![ModelFormat::Onnx]));
        farm.post::<Engine>(Scope::Submit, "/api/v1/engines", &build).await;
        farm.submit(on(&["perf"], &["enet"])).await;
        assert_eq!(farm.claim(device.id).await.unwrap().session.subjects[0].engine, build.engine);
    })
    .await;
}

#[tokio::test]
async fn what_a_suite_measures_together_shares_a_session_up_to_sixteen_subjects() {
    with_farm(async |farm| {
        let device = farm.register("one").await;
        for name in ["squeezenet-1.1", "resnet-18"] {
            for precision in [Precision::Fp32, Precision::Int8] {
                farm.add_model(name, precision).await;
            }
        }
        farm.add_engine("onnxruntime", "1.32.0", TARGET).await;
        let suite = |together: &[Axis], threads: &[u16]| Suite {
            together: together.to_vec(),
            threads: threads.to_vec(),
            ..on(&["tract", "onnxruntime"], &["*"])
        };
        for (together, jobs) in [
            (vec![], 16),
            (vec![Axis::Precision], 8),
            (vec![Axis::Engine], 8),
            (vec![Axis::Precision, Axis::Engine], 4),
            (vec![Axis::Precision, Axis::Engine, Axis::Threads, Axis::Model], 1),
        ] {
            assert_eq!(farm.submit(suite(&together, &[1, 2])).await.jobs.len(), jobs, "{together:?}");
        }
        let all = suite(&[Axis::Model, Axis::Precision, Axis::Engine, Axis::Threads], &[1, 2, 4]);
        farm.refused_suite(all, ProblemCode::Invalid, "more than 16 subjects").await;
        farm.scalar("with gone as (delete from jobs returning 1) select count(*) from gone").await;
        let submission = farm.submit(suite(&[Axis::Precision, Axis::Engine], &[1])).await;
        assert_eq!(submission.jobs[0].title, "resnet-18 fp32/int8, tract/onnxruntime, 1 thread");
        let lease = farm.claim(device.id).await.unwrap();
        let labels: Vec<&str> = lease.session.subjects.iter().map(|subject| subject.label.as_str()).collect();
        let expected =
            ["resnet-18 fp32 tract", "resnet-18 int8 tract", "resnet-18 fp32 onnxruntime", "resnet-18 int8 onnxruntime"];
        assert_eq!(labels, expected);
    })
    .await;
}

#[tokio::test]
async fn two_builds_of_one_engine_are_compared_by_a_gate_with_one_model() {
    with_farm(async |farm| {
        let device = farm.register("one").await;
        farm.upload(&model_bytes("app", Precision::Fp32)).await;
        let old = farm.add_engine("onnxruntime", "1.31.1", TARGET).await;
        let new = farm.add_engine("onnxruntime", "1.32.0", TARGET).await;
        let side = |engine: &str| {
            let mut side = gate_subject("app", Precision::Fp32);
            side.engine = EngineRef::named(engine);
            side
        };
        let asked = new_gate(side("onnxruntime@1.31.1"), side("onnxruntime@1.32.0"));
        let gate: Gate = farm.post(Scope::Submit, "/api/v1/gates", &asked).await;
        assert_eq!(gate.jobs[0].title, "gate: app fp32 on onnxruntime@1.32.0 against app fp32 on onnxruntime@1.31.1");
        let lease = farm.claim(device.id).await.unwrap();
        let engines: Vec<&EngineRef> = lease.session.subjects.iter().map(|subject| &subject.engine).collect();
        assert_eq!(engines, [&old.build.engine, &new.build.engine]);
        let sent = report(1, "one", &lease.session, |place| Some([10 * MS, 13 * MS][place]));
        farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
        let decided: Gate = farm.get(&format!("/api/v1/gates/{}", gate.id)).await;
        assert_eq!(decided.outcome.unwrap().verdict, benchrack_protocol::api::Verdict::Slower);
        let page = farm.ask(Scope::Read, Method::GET, &format!("/gates/{}", gate.id)).send().await.text();
        assert!(page.contains("onnxruntime@1.32.0") && page.contains("onnxruntime@1.31.1"));
        let unknown = new_gate(side("onnxruntime@1.31.1"), side("onnxruntime@9"));
        let answer = farm.ask(Scope::Submit, Method::POST, "/api/v1/gates").json(&unknown).send().await;
        answer.refused(ProblemCode::UnknownReference, "candidate.engine: there is no build 9");
    })
    .await;
}

#[tokio::test]
async fn a_point_of_a_series_tells_the_build_and_the_engines_page_where_it_is_used() {
    with_farm(async |farm| {
        let device = farm.register("one").await;
        farm.add_model("enet", Precision::Fp32).await;
        let mut builds = Vec::new();
        for (nth, version) in ["1.31.1", "1.32.0"].into_iter().enumerate() {
            builds.push(farm.add_engine("onnxruntime", version, TARGET).await);
            farm.submit(on(&["onnxruntime"], &["enet"])).await;
            let lease = farm.claim(device.id).await.unwrap();
            let mut sent = report(nth as u128 + 1, "one", &lease.session, |_| Some(10 * MS));
            if let benchrack_protocol::report::RunReport::Measured(measured) = &mut sent.runs[0] {
                measured.engine.version = version.into();
                measured.engine.executed = vec![(Precision::Int8, 24), (Precision::Fp32, 1)];
            }
            farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
        }
        let series = farm.scalar("select id from series where metric = 'latency'").await;
        let view: Value = farm.get(&format!("/series/{series}/view.json")).await;
        let versions: Vec<&str> =
            view["points"].as_array().unwrap().iter().map(|point| point["engine_version"].as_str().unwrap()).collect();
        let digest = |nth: usize| builds[nth].build.engine.build.unwrap().short();
        assert_eq!(versions, [format!("1.31.1 · {}", digest(0)), format!("1.32.0 · {}", digest(1))]);
        let view: Value = farm.get("/engines/view.json").await;
        let used: Vec<(&str, u64)> = view["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["engine"]["build"]["version"].as_str().unwrap(), row["runs"].as_u64().unwrap()))
            .collect();
        assert_eq!(used, [("1.32.0", 1), ("1.31.1", 1)]);
        assert_eq!(view["rows"][0]["devices"], serde_json::json!(["phone-one"]));
        let runs: Vec<Run> = farm.get("/api/v1/runs").await;
        assert_eq!(runs[0].engine, "onnxruntime 1.32.0");
        let run: Value = farm.get(&format!("/runs/{}/view.json", runs[0].id)).await;
        assert_eq!(run["engine"]["build"]["version"], "1.32.0");
        let compare: Value = farm.get("/compare/view.json").await;
        let rows = compare["devices"][0]["rows"].as_array().unwrap();
        let mut engines: Vec<&str> = rows.iter().map(|row| row["engine"].as_str().unwrap()).collect();
        engines.sort_unstable();
        assert_eq!(engines, ["onnxruntime 1.31.1", "onnxruntime 1.32.0"], "neither build takes the other's row");
        assert_eq!(rows[0]["executed"], serde_json::json!([["int8", 24], ["fp32", 1]]));
        assert_eq!(rows[0]["library"].as_u64(), Some(builds[1].build.installed_size.0));
    })
    .await;
}
