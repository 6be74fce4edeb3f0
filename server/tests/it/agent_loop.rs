//! The loop of an agent: register, claim, heartbeat, report, release.

use axum::http::Method;
use benchrack_protocol::api::{
    Claim, Device, Heartbeat, LEASE_HEADER, Lease, Metric, Registration, Release, Reported, Run, Scope, Submission,
};
use benchrack_protocol::ids::{DeviceId, LeaseId};
use benchrack_protocol::model::Precision;
use benchrack_protocol::problem::ProblemCode;
use benchrack_protocol::report::{Failure, Measurement, RunReport, SessionReport};
use benchrack_protocol::runner::FailureReason;
use benchrack_protocol::units::Nanos;
use benchrack_protocol::validity::Validity;
use time::Duration;

use crate::farm::{Farm, with_farm};
use crate::sample::{device_report, figure, registration, report, suite};

const MS: u64 = 1_000_000;

#[tokio::test]
async fn a_session_is_leased_measured_and_stored_whole() {
    with_farm(async |farm| {
        let (device, lease) = farm.leased_session().await;
        assert_eq!(lease.session.subjects.len(), 2, "both precisions ride in one session");
        assert_eq!(farm.get::<Device>(&format!("/api/v1/devices/{}", device.id)).await.state, "leased");
        let sent = report(1, "one", &lease.session, |place| Some((20 - 8 * place as u64) * MS));
        let reported: Reported = farm.leased(&lease, "report").json(&sent).send().await.ok();
        assert!(!reported.duplicate);
        assert_eq!(reported.runs.len(), 2);

        let stored: SessionReport = farm.get(&format!("/api/v1/sessions/{}", reported.session)).await;
        assert_eq!(stored, sent, "what was sent is what is stored");
        let measurement: Measurement = farm.get(&format!("/api/v1/runs/{}/measurement", reported.runs[0])).await;
        assert_eq!(sent.runs[0], RunReport::Measured(Box::new(measurement)));

        let run: Run = farm.get(&format!("/api/v1/runs/{}", reported.runs[1])).await;
        assert_eq!((run.model.as_str(), run.precision, run.threads), ("squeezenet-1.1", Precision::Int8, 1));
        assert_eq!((run.validity, run.engine.as_str(), run.measured_at), (Some(Validity::Valid), "tract 0.23.9", farm.now()));
        let latency = figure(&run.metrics, Metric::Latency).unwrap();
        assert!((12e6..12.1e6).contains(&latency), "{latency}");
        assert_eq!(figure(&run.metrics, Metric::PeakRss), Some(60e6));
        assert_eq!(figure(&run.metrics, Metric::Pss), None, "what was not measured is not there");

        assert_eq!(farm.get::<Device>(&format!("/api/v1/devices/{}", device.id)).await.state, "idle");
        let submissions: Vec<Submission> = farm.get("/api/v1/submissions").await;
        assert_eq!((submissions[0].jobs[0].state.as_str(), submissions[0].jobs[0].session), ("done", Some(reported.session)));
        assert!(farm.claim(device.id).await.is_none(), "the job is done");
    })
    .await;
}

#[tokio::test]
async fn a_report_sent_twice_is_stored_once() {
    with_farm(async |farm| {
        let (_, lease) = farm.leased_session().await;
        let sent = report(1, "one", &lease.session, |_| Some(20 * MS));
        let first: Reported = farm.leased(&lease, "report").json(&sent).send().await.ok();
        farm.pass(Duration::hours(3));
        let second: Reported = farm.leased(&lease, "report").json(&sent).send().await.ok();
        assert_eq!(second, Reported { duplicate: true, ..first });
        assert_eq!(farm.scalar("select count(*) from runs").await, 2);
        assert_eq!(farm.scalar("select count(*) from sample_blocks").await, 20);
        let other = SessionReport { id: report(2, "one", &lease.session, |_| None).id, ..sent };
        farm.leased(&lease, "report").json(&other).send().await.refused(ProblemCode::Conflict, "already");
    })
    .await;
}

#[tokio::test]
async fn two_deliveries_at_once_store_one_session() {
    with_farm(async |farm| {
        let (_, lease) = farm.leased_session().await;
        let sent = report(1, "one", &lease.session, |_| Some(20 * MS));
        let deliver = || farm.leased(&lease, "report").json(&sent).send();
        let answers = futures::future::join_all([deliver(), deliver(), deliver(), deliver()]).await;
        let reported: Vec<Reported> = answers.into_iter().map(|answer| answer.ok()).collect();
        assert_eq!(reported.iter().filter(|reported| !reported.duplicate).count(), 1);
        assert_eq!(farm.scalar("select count(*) from sessions").await, 1);
    })
    .await;
}

#[tokio::test]
async fn an_expired_lease_can_neither_report_nor_beat_and_its_job_runs_again() {
    with_farm(async |farm| {
        let (device, lease) = farm.leased_session().await;
        farm.pass(Duration::seconds(60));
        let sent = report(1, "one", &lease.session, |_| Some(20 * MS));
        farm.leased(&lease, "report").json(&sent).send().await.refused(ProblemCode::LeaseLost, "claim anew");
        let beat = Heartbeat::of("late", 1, 2);
        farm.leased(&lease, "heartbeat").json(&beat).send().await.refused(ProblemCode::LeaseLost, "stop the session");
        assert!(farm.claim(device.id).await.is_none(), "nobody has looked yet");
        assert_eq!(farm.app.tick(farm.now()).await.unwrap().leases, 1);
        farm.pass(Duration::seconds(6));
        let again = farm.claim(device.id).await.expect("the job is queued again");
        assert!(again.id > lease.id, "a later lease has a higher number");
        let late = report(2, "one", &lease.session, |_| Some(20 * MS));
        farm.leased(&lease, "report").json(&late).send().await.refused(ProblemCode::LeaseLost, "");
        let reported: Reported = farm.leased(&again, "report").json(&sent).send().await.ok();
        assert!(!reported.duplicate);
        assert_eq!(farm.scalar("select count(*) from sessions").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_lease_outlives_the_time_without_a_server() {
    with_farm(async |farm| {
        let (_, lease) = farm.leased_session().await;
        farm.pass(Duration::hours(2));
        // A server that starts does this before it looks for leases that ran out.
        farm.app.forgive_silence(farm.now()).await.unwrap();
        assert_eq!(farm.app.tick(farm.now()).await.unwrap().leases, 0);
        let sent = report(1, "one", &lease.session, |_| Some(20 * MS));
        farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
    })
    .await;
}

#[tokio::test]
async fn heartbeats_keep_a_lease_alive_and_show_progress() {
    with_farm(async |farm| {
        let (_, lease) = farm.leased_session().await;
        for done in 1..=5 {
            farm.pass(Duration::seconds(45));
            let beat = Heartbeat::of("warming up\nint8", done, 20);
            farm.leased(&lease, "heartbeat").json(&beat).send().await.empty();
            assert_eq!(farm.app.tick(farm.now()).await.unwrap().leases, 0);
        }
        let submissions: Vec<Submission> = farm.get("/api/v1/submissions").await;
        let job = &submissions[0].jobs[0];
        let shown = Heartbeat::of("warming up int8", 5, 20);
        assert_eq!((job.state.as_str(), job.progress.as_ref()), ("leased", Some(&shown)));
    })
    .await;
}

#[tokio::test]
async fn an_announced_silence_is_lived_through_and_shown_until_it_is_taken_back() {
    with_farm(async |farm| {
        let (device, lease) = farm.leased_session().await;
        let detached = async || -> Device { farm.get(&format!("/api/v1/devices/{}", device.id)).await };
        assert_eq!(detached().await.detached_until, None);
        let beat = Heartbeat { detached_for_s: Some(600), ..Heartbeat::of("measuring energy without its cable", 20, 20) };
        farm.leased(&lease, "heartbeat").json(&beat).send().await.empty();
        let told = detached().await;
        assert_eq!(told.detached_until, Some(told.last_seen_at + Duration::seconds(600)));
        // Silent to the end and a little longer.
        farm.pass(Duration::seconds(700));
        let swept = farm.app.tick(farm.now()).await.unwrap();
        assert_eq!((swept.leases, detached().await.state.as_str()), (0, "leased"));
        farm.leased(&lease, "heartbeat").json(&Heartbeat::of("back", 20, 20)).send().await.empty();
        assert_eq!(detached().await.detached_until, None);
        let beat = Heartbeat { detached_for_s: Some(4_000), ..beat };
        farm.leased(&lease, "heartbeat").json(&beat).send().await.refused(ProblemCode::Conflict, "4000 s of silence");
        let sent = report(1, "one", &lease.session, |_| Some(20 * MS));
        farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
        assert_eq!(detached().await.detached_until, None, "nor without a session");
    })
    .await;
}

#[tokio::test]
async fn a_wrong_secret_is_told_nothing_more_than_a_lost_lease() {
    with_farm(async |farm| {
        let (_, lease) = farm.leased_session().await;
        let sent = report(1, "one", &lease.session, |_| Some(20 * MS));
        let stranger = Lease { secret: "0".repeat(64), ..lease.clone() };
        farm.leased(&stranger, "report").json(&sent).send().await.refused(ProblemCode::LeaseLost, "not yours");
        let unknown = Lease { id: LeaseId(4711), ..lease.clone() };
        farm.leased(&unknown, "report").json(&sent).send().await.refused(ProblemCode::LeaseLost, "not yours");
        let path = format!("/api/v1/leases/{}/report", lease.id);
        farm.ask(Scope::Agent, Method::POST, &path).json(&sent).send().await.refused(ProblemCode::LeaseLost, LEASE_HEADER);
    })
    .await;
}

#[tokio::test]
async fn a_job_given_back_for_the_moment_runs_again_and_one_at_fault_does_not() {
    with_farm(async |farm| {
        let (device, lease) = farm.leased_session().await;
        let give_back = async |lease: &Lease, reason| {
            let release = Release { failure: Failure { reason, detail: "because".into() } };
            farm.leased(lease, "release").json(&release).send().await.empty();
        };
        give_back(&lease, FailureReason::Stopped).await;
        assert!(farm.claim(device.id).await.is_none(), "not at once");
        farm.pass(Duration::seconds(5));
        let again = farm.claim(device.id).await.expect("it runs again");
        give_back(&again, FailureReason::OperatingPointImpossible).await;
        let submissions: Vec<Submission> = farm.get("/api/v1/submissions").await;
        let job = &submissions[0].jobs[0];
        assert_eq!((job.state.as_str(), job.failure.as_deref()), ("failed", Some("because")));
    })
    .await;
}

#[tokio::test]
async fn a_report_that_does_not_answer_its_job_is_refused_with_the_field() {
    with_farm(async |farm| {
        let (_, lease) = farm.leased_session().await;
        let good = || report(1, "one", &lease.session, |_| Some(20 * MS));
        let change = |change: &dyn Fn(&mut SessionReport)| {
            let mut report = good();
            change(&mut report);
            report
        };
        let measurement = |report: &mut SessionReport, change: &dyn Fn(&mut Measurement)| match &mut report.runs[1] {
            RunReport::Measured(measurement) => change(measurement),
            RunReport::Failed(_) => panic!("measured"),
        };
        let wrong: Vec<(SessionReport, &str)> = vec![
            (change(&|r| r.wire_version = 99), "wire_version"),
            (change(&|r| r.device_key = "two".into()), "device_key"),
            (change(&|r| drop(r.runs.pop())), "runs"),
            (change(&|r| r.spec.subjects[0].threads = 7), "spec.subjects[0]"),
            (change(&|r| r.spec.operating_point.cores = "big".parse().unwrap()), "operating_point"),
            (change(&|r| r.evidence = None), "evidence"),
            (change(&|r| r.duration = Nanos(u64::MAX)), "duration"),
            (change(&|r| measurement(r, &|m| m.blocks.clear())), "runs[1].blocks"),
            (change(&|r| measurement(r, &|m| m.blocks[2].samples.clear())), "runs[1].blocks[2].samples"),
            (change(&|r| measurement(r, &|m| m.blocks[2].samples[5] = Nanos(0))), "samples[5]"),
            (change(&|r| measurement(r, &|m| m.blocks[2].samples[5] = Nanos(u64::MAX))), "runs[1].blocks[2].samples"),
            (change(&|r| measurement(r, &|m| m.blocks[2].round = u32::MAX)), "round"),
            (change(&|r| r.os_fingerprint = "a\0b".into()), "NUL"),
            (change(&|r| measurement(r, &|m| m.engine.kernels = "a\0b".into())), "NUL"),
        ];
        for (report, words) in wrong {
            farm.leased(&lease, "report").json(&report).send().await.refused(ProblemCode::Invalid, words);
        }
        assert_eq!(farm.scalar("select count(*) from sessions").await, 0, "nothing was stored");
        let whole = serde_json::to_vec(&good()).unwrap();
        let truncated = whole[..whole.len() / 2].to_vec();
        let answer = farm.leased(&lease, "report").raw("application/json", truncated).send().await;
        answer.refused(ProblemCode::Malformed, "whole JSON");
        let reported: Reported = farm.leased(&lease, "report").json(&good()).send().await.ok();
        assert!(!reported.duplicate, "the lease is still held");
    })
    .await;
}

#[tokio::test]
async fn a_failed_subject_is_a_result_beside_the_measured_one() {
    with_farm(async |farm| {
        let (_, lease) = farm.leased_session().await;
        let sent = report(1, "one", &lease.session, |place| (place == 0).then_some(20 * MS));
        let reported: Reported = farm.leased(&lease, "report").json(&sent).send().await.ok();
        let stored: SessionReport = farm.get(&format!("/api/v1/sessions/{}", reported.session)).await;
        assert_eq!(stored, sent);
        let failed: Run = farm.get(&format!("/api/v1/runs/{}", reported.runs[1])).await;
        assert_eq!(failed.failure.unwrap().detail, "signal 11");
        assert_eq!((failed.validity, failed.tier, failed.metrics.len()), (None, None, 0));
        let path = format!("/api/v1/runs/{}/measurement", reported.runs[1]);
        farm.ask(Scope::Read, Method::GET, &path).send().await.refused(ProblemCode::Conflict, "failed");
    })
    .await;
}

#[tokio::test]
async fn a_device_is_known_again_by_its_key_and_keeps_its_name() {
    with_farm(async |farm| {
        let first = farm.register("one").await;
        let changed = Registration { name: "another".into(), ..registration("one") };
        let put = |key: &str, registration: &Registration| {
            farm.ask(Scope::Agent, Method::PUT, &format!("/api/v1/devices/{key}")).json(registration).send()
        };
        let again: Device = put("one", &changed).await.ok();
        assert_eq!((again.id, again.name.as_str()), (first.id, "phone-one"));
        let namesake = Registration { name: "phone-one".into(), ..registration("two") };
        assert_eq!(put("two", &namesake).await.ok::<Device>().name, "phone-one-2");
        let mismatch = Registration { report: device_report("three"), ..registration("four") };
        put("four", &mismatch).await.refused(ProblemCode::Invalid, "identity.key");
        let nameless = Registration { name: " ".into(), ..registration("five") };
        put("five", &nameless).await.refused(ProblemCode::Invalid, "name");
    })
    .await;
}

#[tokio::test]
async fn devices_that_register_at_once_get_names_of_their_own() {
    with_farm(async |farm| {
        let register = |nth: usize| {
            let key = format!("key-{nth}");
            let same = Registration { name: "phone".into(), ..registration(&key) };
            farm.ask(Scope::Agent, Method::PUT, &format!("/api/v1/devices/{key}")).json(&same).send()
        };
        let answers = futures::future::join_all((0..6).map(register)).await;
        let mut names: Vec<String> = answers.into_iter().map(|answer| answer.ok::<Device>().name).collect();
        names.sort();
        assert_eq!(names, ["phone", "phone-2", "phone-3", "phone-4", "phone-5", "phone-6"]);
    })
    .await;
}

#[tokio::test]
async fn a_silent_device_is_offline_until_it_speaks() {
    with_farm(async |farm| {
        let device = farm.register("one").await;
        farm.pass(Duration::seconds(119));
        assert_eq!(farm.app.tick(farm.now()).await.unwrap().devices, 0);
        farm.pass(Duration::seconds(1));
        assert_eq!(farm.app.tick(farm.now()).await.unwrap().devices, 1);
        let state = async || farm.get::<Device>(&format!("/api/v1/devices/{}", device.id)).await.state;
        assert_eq!(state().await, "offline");
        assert!(farm.claim(device.id).await.is_none());
        assert_eq!(state().await, "idle");
    })
    .await;
}

#[tokio::test]
async fn each_device_gets_only_its_own_jobs_and_one_at_a_time() {
    with_farm(async |farm| {
        let (one, two) = (farm.register("one").await, farm.register("two").await);
        farm.add_model("squeezenet-1.1", Precision::Fp32).await;
        farm.add_model("resnet-18", Precision::Fp32).await;
        farm.submit(suite(&["squeezenet-1.1", "resnet-18"])).await;
        let claims = [one.id, two.id, one.id, two.id].map(|device| farm.claim(device));
        let leases: Vec<Option<Lease>> = futures::future::join_all(claims).await;
        let granted: Vec<&Lease> = leases.iter().flatten().collect();
        assert_eq!(granted.len(), 2, "one open lease for each device");
        assert_ne!(granted[0].job, granted[1].job);
        let unknown = Claim { device: DeviceId(4711), wait: Nanos(0) };
        let answer = farm.ask(Scope::Agent, Method::POST, "/api/v1/leases").json(&unknown).send().await;
        answer.refused(ProblemCode::NotFound, "device 4711");
    })
    .await;
}

/// Runs through the same series over revisions; one that does not count moves nothing.
#[tokio::test]
async fn points_of_one_subject_form_one_series_and_the_newest_valid_run_leads() {
    with_farm(async |farm| {
        let (device, lease) = farm.leased_session().await;
        deliver(farm, &lease, 1, 20 * MS, true).await;
        farm.submit(suite(&["squeezenet-1.1"])).await;
        let lease = farm.claim(device.id).await.unwrap();
        deliver(farm, &lease, 2, 22 * MS, true).await;
        farm.submit(suite(&["squeezenet-1.1"])).await;
        let lease = farm.claim(device.id).await.unwrap();
        deliver(farm, &lease, 3, 50 * MS, false).await;
        let latency = "select count(*) from series where metric = 'latency'";
        assert_eq!(farm.scalar(latency).await, 2, "fp32 and int8");
        assert_eq!(farm.scalar("select min(points) from series").await, 3);
        assert_eq!(farm.scalar("select count(*) from run_metrics where not counts and metric = 'latency'").await, 2);
        assert_eq!(farm.scalar("select count(*) from latest_runs where counts").await, 2);
        let leading = "select max(r.session_id) from latest_runs l join runs r on r.id = l.run_id";
        assert_eq!(farm.scalar(leading).await, 2, "the degraded run does not lead");
    })
    .await;
}

async fn deliver(farm: &Farm, lease: &Lease, id: u128, latency_ns: u64, steady: bool) {
    let mut sent = report(id, "one", &lease.session, |_| Some(latency_ns));
    for run in &mut sent.runs {
        if let RunReport::Measured(measurement) = run {
            measurement.warmup.steady = steady;
        }
    }
    farm.leased(lease, "report").json(&sent).send().await.ok::<Reported>();
}
