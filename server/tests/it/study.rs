//! Studies from question to answer on every device: pure judgement, then the API and the pages.

use axum::http::Method;
use benchrack_protocol::api::{Reported, Scope};
use benchrack_protocol::evidence::Hindrance;
use benchrack_protocol::ids::SessionId;
use benchrack_protocol::model::Precision;
use benchrack_protocol::packaging::{LoadTime, PackageSize, PackagedLoad, Packaging};
use benchrack_protocol::problem::ProblemCode;
use benchrack_protocol::reading::Reading;
use benchrack_protocol::report::{Measurement, RunReport, SessionReport};
use benchrack_protocol::study::{Basis, CheckResult, Figure, NewStudy, Study, StudyListed, StudyReport, StudyVerdict};
use benchrack_protocol::units::{Bytes, Nanos};
use benchrack_server::judge::{StudyEvidence, judge_study};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::farm::{Farm, with_farm};
use crate::sample::{manifest, model_bytes, report};

const MS: u64 = 1_000_000;

/// A study with one claim of these checks, over two models in two precisions.
fn study(checks: Value) -> Study {
    let study: Study = serde_json::from_value(json!({
        "name": "a-study", "title": "Is it so?",
        "claims": [{"claim": "It is so.", "source": "somebody", "checks": checks}],
        "suite": {
            "name": "a-study", "models": ["small", "large"], "together": ["model", "precision"],
            "plan": {"packagings": ["raw", "zstd"]}
        }
    }))
    .unwrap();
    study.validate().unwrap();
    study
}

/// `large` over `small` is at least this.
fn ratio_check(at_least: f64) -> Value {
    json!([{"says": "it", "of": {"model": "large"}, "to": {"model": "small"}, "at_least": at_least}])
}

/// A session of the two models with these latencies.
fn session(latencies: [u64; 2]) -> SessionReport {
    let subject = |name: &str| {
        let manifest = manifest(name, Precision::Fp32, &model_bytes(name, Precision::Fp32));
        json!({"label": name, "manifest": manifest, "engine": {"name": "tract"}, "threads": 1})
    };
    let spec = json!({"subjects": [subject("small"), subject("large")], "operating_point": {}});
    report(1, "one", &serde_json::from_value(spec).unwrap(), |place| Some(latencies[place]))
}

fn change(report: &mut SessionReport, place: usize, change: impl Fn(&mut Measurement)) {
    let Some(RunReport::Measured(run)) = report.runs.get_mut(place) else { panic!("it was measured") };
    change(run);
}

fn judged(study: &Study, reports: &[SessionReport]) -> CheckResult {
    let sessions = reports.iter().enumerate().map(|(nth, report)| (SessionId(nth as i64 + 1), report)).collect();
    let claims = judge_study(study, &StudyEvidence { sessions, ..StudyEvidence::default() });
    assert_eq!(claims.len(), 1);
    let check = claims[0].checks[0].clone();
    assert_eq!(claims[0].verdict, StudyVerdict::of_all(claims[0].checks.iter().map(|check| check.verdict)));
    check
}

#[test]
fn latencies_of_one_session_are_compared_block_by_block() {
    let check = judged(&study(ratio_check(1.5)), &[session([10 * MS, 20 * MS])]);
    assert_eq!((check.verdict, check.basis), (StudyVerdict::Holds, Some(Basis::PairedBlocks { pairs: 10 })), "{check:?}");
    let measured = check.measured.unwrap();
    assert!((measured.value - 2.0).abs() < 0.01 && measured.low > 1.9, "{measured:?}");
    assert_eq!(check.sessions, [SessionId(1)]);
    assert_eq!(judged(&study(ratio_check(2.5)), &[session([10 * MS, 20 * MS])]).verdict, StudyVerdict::DoesNotHold);
}

#[test]
fn an_interval_on_both_sides_of_the_bound_asks_for_more() {
    let mut report = session([10 * MS, 20 * MS]);
    change(&mut report, 1, |run| {
        for (nth, block) in run.blocks.iter_mut().enumerate() {
            block.samples.iter_mut().for_each(|sample| sample.0 = sample.0 * (80 + 5 * nth as u64) / 100);
        }
    });
    let check = judged(&study(ratio_check(1.95)), &[report]);
    assert_eq!(check.verdict, StudyVerdict::CannotTell);
    assert!(check.measured.is_some() && check.needed.contains("times as many blocks"), "{check:?}");
}

#[test]
fn runs_that_do_not_count_answer_nothing_and_say_what_would() {
    let asked = study(ratio_check(1.0));
    let mut unsteady = session([10 * MS, 20 * MS]);
    change(&mut unsteady, 1, |run| run.warmup.steady = false);
    let check = judged(&asked, &[unsteady]);
    assert_eq!((check.verdict, check.measured), (StudyVerdict::CannotTell, None));
    assert!(check.detail.contains("run is degraded: unsteady") && check.needed.contains("warm-up"), "{check:?}");

    let mut failed = session([10 * MS, 20 * MS]);
    failed.runs[0] = RunReport::Failed(benchrack_protocol::report::Failure {
        reason: benchrack_protocol::runner::FailureReason::UnsupportedOperator,
        detail: "no operator Frobnicate".into(),
    });
    let check = judged(&asked, &[failed]);
    assert!(check.verdict == StudyVerdict::CannotTell && check.detail.contains("Frobnicate"), "{check:?}");

    let missing = judged(&asked, &[]);
    assert!(missing.verdict == StudyVerdict::CannotTell && missing.detail.contains("was not measured"), "{missing:?}");
}

#[test]
fn disturbed_rounds_are_left_out_of_both_sides() {
    let mut report = session([10 * MS, 20 * MS]);
    for place in [0, 1] {
        change(&mut report, place, |run| run.blocks.iter_mut().for_each(|block| block.waiting_share = Reading::of(0.0)));
    }
    let evidence = report.evidence.as_mut().unwrap();
    (evidence.settle.timed_out, evidence.settle.hindrance) = (true, Some(Hindrance::Competition));
    change(&mut report, 0, |run| run.blocks[2].waiting_share = Reading::of(0.5));
    let check = judged(&study(ratio_check(1.5)), &[report.clone()]);
    assert_eq!((check.verdict, check.basis), (StudyVerdict::Holds, Some(Basis::PairedBlocks { pairs: 9 })));
    assert!(check.detail.starts_with("1 of 10 rounds"), "{}", check.detail);
    for place in [0, 1] {
        change(&mut report, place, |run| run.blocks.iter_mut().for_each(|block| block.waiting_share = Reading::of(0.5)));
    }
    let check = judged(&study(ratio_check(1.5)), &[report]);
    assert!(check.needed.contains("nothing else to do"), "{check:?}");
}

#[test]
fn figures_of_manifests_need_no_valid_run() {
    let mut report = session([10 * MS, 20 * MS]);
    for subject in &mut report.spec.subjects {
        subject.manifest.macs = Some(if subject.label == "small" { 100 } else { 250 });
        subject.manifest.packages = vec![PackageSize { packaging: Packaging::Zstd, size: Bytes(80) }];
    }
    change(&mut report, 0, |run| run.warmup.steady = false);
    let checks = json!([{"says": "macs", "figure": "macs", "of": {"model": "large"}, "to": {"model": "small"}, "at_least": 2.5, "at_most": 2.5}]);
    let check = judged(&study(checks), &[report.clone()]);
    assert_eq!((check.verdict, check.basis), (StudyVerdict::Holds, Some(Basis::Exact)));
    let checks = json!([{"says": "package", "figure": "package_zstd", "of": {"model": "small"}, "at_most": 79.0}]);
    assert_eq!(judged(&study(checks), &[report.clone()]).verdict, StudyVerdict::DoesNotHold);
    report.spec.subjects[0].manifest.macs = None;
    let checks = json!([{"says": "macs", "figure": "macs", "of": {"model": "large"}, "to": {"model": "small"}, "at_least": 2.5}]);
    let check = judged(&study(checks), &[report]);
    assert!(check.verdict == StudyVerdict::CannotTell && check.needed.contains("manifest"), "{check:?}");
}

#[test]
fn what_a_session_gives_once_is_paired_over_sessions() {
    let checks = json!([{
        "says": "first", "of": {"model": "small", "figure": "first_inference"}, "to": {"model": "small"}, "at_least": 1.5
    }]);
    let asked = Study { sessions: 8, ..study(checks) };
    let sessions: Vec<SessionReport> = (0..8).map(|nth| session([(10 + nth) * MS, 20 * MS])).collect();
    let check = judged(&asked, &sessions);
    assert_eq!((check.verdict, check.basis), (StudyVerdict::Holds, Some(Basis::PairedSessions { pairs: 8 })), "{check:?}");
    assert_eq!(check.sessions.len(), 8);
    let few = judged(&asked, &sessions[..3]);
    assert!(few.verdict == StudyVerdict::CannotTell && few.needed.contains("sessions"), "{few:?}");
}

#[test]
fn loads_of_a_package_are_compared_by_the_widest_ratio_of_two_intervals() {
    let loads = |packaging, unpack: u64, count: u64| PackagedLoad {
        packaging,
        size: Bytes(1),
        loads: (0..count).map(|nth| LoadTime { unpack: Nanos(unpack * MS), load: Nanos((40 + nth) * MS) }).collect(),
    };
    let with = |count| {
        let mut report = session([10 * MS, 20 * MS]);
        change(&mut report, 0, |run| {
            run.packaged_loads = vec![loads(Packaging::Raw, 0, count), loads(Packaging::Zstd, 40, count)];
        });
        report
    };
    let checks = json!([{
        "says": "load", "of": {"model": "small", "figure": "load_zstd"}, "to": {"model": "small", "figure": "load_raw"}, "at_most": 3.0
    }]);
    let asked = study(checks);
    let check = judged(&asked, &[with(12)]);
    assert_eq!((check.verdict, check.basis), (StudyVerdict::Holds, Some(Basis::SeparateIntervals)), "{check:?}");
    let measured = check.measured.unwrap();
    assert!(measured.low <= 85.5 / 45.5 && 85.5 / 45.5 <= measured.high, "{measured:?}");
    let few = judged(&asked, &[with(3)]);
    assert!(few.verdict == StudyVerdict::CannotTell && few.needed.contains("suite.plan.loads"), "{few:?}");
}

#[test]
fn subjects_of_separate_sessions_are_compared_and_it_is_said() {
    let both = session([10 * MS, 20 * MS]);
    let only = |place: usize| {
        let mut report = both.clone();
        report.spec.subjects = vec![both.spec.subjects[place].clone()];
        report.runs = vec![both.runs[place].clone()];
        report
    };
    let check = judged(&study(ratio_check(1.5)), &[only(0), only(1)]);
    assert_eq!((check.verdict, check.basis), (StudyVerdict::Holds, Some(Basis::SeparateIntervals)), "{check:?}");
    assert_eq!(check.detail, "measured in separate sessions");
}

proptest! {
    #[test]
    fn turning_a_check_round_turns_its_answer(small in 5..50u64, large in 5..50u64, bound in 0.3..3.0f64) {
        let reports = [session([small * MS, large * MS])];
        let there = judged(&study(ratio_check(bound)), &reports);
        let back = json!([{"says": "it", "of": {"model": "small"}, "to": {"model": "large"}, "at_most": 1.0 / bound}]);
        let back = judged(&study(back), &reports);
        prop_assert_eq!(there.verdict, back.verdict);
        let (there, back) = (there.measured.unwrap(), back.measured.unwrap());
        prop_assert!((there.low * back.high - 1.0).abs() < 1e-9 && (there.high * back.low - 1.0).abs() < 1e-9);
    }

    #[test]
    fn more_checks_never_make_an_interval_narrower(more in 1..4usize, large in 11..30u64) {
        let mut report = session([10 * MS, large * MS]);
        change(&mut report, 1, |run| {
            for (nth, block) in run.blocks.iter_mut().enumerate() {
                block.samples.iter_mut().for_each(|sample| sample.0 += nth as u64 * MS / 7);
            }
        });
        let one = ratio_check(1.0);
        let many = Value::Array(vec![one[0].clone(); more + 1]);
        let (alone, among) = (judged(&study(one), &[report.clone()]), judged(&study(many), &[report]));
        if let (Some(alone), Some(among)) = (alone.measured, among.measured) {
            prop_assert!(among.low <= alone.low && among.high >= alone.high);
        }
    }
}

async fn with_models(farm: &Farm) {
    for name in ["small", "large"] {
        farm.add_model(name, Precision::Fp32).await;
    }
}

fn asked(study: Study) -> NewStudy {
    NewStudy { study, devices: String::new() }
}

#[tokio::test]
async fn a_study_is_measured_and_answered_for_each_device() {
    with_farm(async |farm| {
        let devices = [farm.register("one").await, farm.register("two").await];
        with_models(farm).await;
        let opened: StudyReport = farm.post(Scope::Submit, "/api/v1/studies", &asked(study(ratio_check(1.5)))).await;
        assert_eq!(opened.devices.len(), 2);
        assert!(opened.devices.iter().all(|device| device.claims[0].verdict == StudyVerdict::CannotTell));
        let waiting = &opened.devices[0].claims[0].checks[0];
        assert!(waiting.detail.contains("waits for the device"), "{waiting:?}");
        let mut id = 0;
        for (device, key) in devices.iter().zip(["one", "two"]) {
            while let Some(lease) = farm.claim(device.id).await {
                id += 1;
                // The second device is as fast with either.
                let latency = |place: usize| Some(if key == "one" { [20, 10] } else { [10, 10] }[place] * MS);
                let latency = |place: usize| {
                    let large = lease.session.subjects[place].manifest.name == "large";
                    latency(usize::from(!large))
                };
                let sent = report(id, key, &lease.session, latency);
                farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
            }
        }
        let path = format!("/api/v1/studies/{}", opened.id);
        let told: StudyReport = farm.get(&path).await;
        assert_eq!(told, farm.get(&path).await, "the same samples give the same answer");
        let verdicts: Vec<StudyVerdict> = told.devices.iter().map(|device| device.claims[0].verdict).collect();
        assert_eq!(verdicts, [StudyVerdict::Holds, StudyVerdict::DoesNotHold], "{told:#?}");
        let listed: Vec<StudyListed> = farm.get("/api/v1/studies?name=a-study").await;
        assert_eq!((listed.len(), listed[0].id, listed[0].jobs, listed[0].over), (1, told.id, listed[0].jobs, listed[0].jobs));
        assert!(farm.get::<Vec<StudyListed>>("/api/v1/studies?name=another").await.is_empty());
        for page in ["/studies".to_owned(), format!("/studies/{}", told.id)] {
            let answer = farm.ask(Scope::Read, Method::GET, &page).header("accept", "text/html").send().await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert!(answer.text().contains("Is it so?"), "{page}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_study_is_measured_as_often_as_it_says_and_engines_that_are_not_there_are_left_out() {
    with_farm(async |farm| {
        farm.register("one").await;
        with_models(farm).await;
        let mut wanted = study(ratio_check(1.5));
        wanted.sessions = 3;
        wanted.suite.engines.push("magic".into());
        let once: StudyReport = farm.post(Scope::Submit, "/api/v1/studies", &asked(study(ratio_check(1.5)))).await;
        let report: StudyReport = farm.post(Scope::Submit, "/api/v1/studies", &asked(wanted)).await;
        assert_eq!(report.submission.jobs.len(), 3 * once.submission.jobs.len());
        assert_eq!(report.engines_left_out, ["magic"]);
        let stored = farm.scalar("select count(*) from studies where study -> 'suite' -> 'engines' ->> 1 = 'magic'").await;
        assert_eq!(stored, 1, "it is stored as it was sent");
    })
    .await;
}

#[tokio::test]
async fn a_study_that_cannot_be_answered_is_refused_whole() {
    with_farm(async |farm| {
        farm.register("one").await;
        with_models(farm).await;
        let refused = async |study: Study, code, words: &str| {
            farm.ask(Scope::Submit, Method::POST, "/api/v1/studies").json(&asked(study)).send().await.refused(code, words);
        };
        let good = || study(ratio_check(1.5));
        let mut unknown = good();
        unknown.claims[0].checks[0].of.model = "huge".into();
        refused(unknown, ProblemCode::Invalid, "study.claims[0].checks[0].of.model").await;
        let mut short = good();
        short.suite.plan.blocks = 5;
        refused(short, ProblemCode::Invalid, "suite.plan.blocks is 5").await;
        let mut engine = good();
        engine.suite.engines = vec!["magic".into()];
        engine.claims[0].checks[0].figure = Figure::default();
        refused(engine, ProblemCode::UnknownReference, "magic").await;
        let mut many = good();
        many.sessions = 1000;
        many.suite.threads = (1..=60).collect();
        refused(many, ProblemCode::Invalid, "jobs_per_submission").await;
        assert_eq!(farm.scalar("select count(*) from submissions").await, 0);
        farm.ask(Scope::Read, Method::GET, "/api/v1/studies/9").send().await.refused(ProblemCode::NotFound, "study 9");
        farm.ask(Scope::Read, Method::POST, "/api/v1/studies")
            .json(&asked(good()))
            .send()
            .await
            .refused(ProblemCode::Forbidden, "");
    })
    .await;
}
