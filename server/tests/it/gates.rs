//! Gates from question to verdict.

use axum::http::Method;
use benchrack_protocol::api::{Gate, GateRules, Model, NewGate, Release, Reported, Scope, Verdict};
use benchrack_protocol::model::Precision;
use benchrack_protocol::problem::ProblemCode;
use benchrack_protocol::report::{Failure, RunReport};
use benchrack_protocol::runner::FailureReason;
use benchrack_protocol::session::MeasurePlan;

use crate::farm::{Farm, with_farm};
use crate::sample::{gate_subject, model_bytes, new_gate, report};

const MS: u64 = 1_000_000;

async fn stored_gate(farm: &Farm) -> NewGate {
    for name in ["small", "large"] {
        farm.upload(&model_bytes(name, Precision::Fp32)).await;
    }
    new_gate(gate_subject("small", Precision::Fp32), gate_subject("large", Precision::Fp32))
}

/// Opens a gate on one device and delivers these latencies of baseline and candidate.
async fn verdict(farm: &Farm, latencies: [u64; 2]) -> Gate {
    let device = farm.register("one").await;
    let new = stored_gate(farm).await;
    let opened: Gate = farm.post(Scope::Submit, "/api/v1/gates", &new).await;
    assert_eq!((opened.jobs.len(), &opened.outcome), (1, &None));
    let lease = farm.claim(device.id).await.unwrap();
    let labels: Vec<&str> = lease.session.subjects.iter().map(|subject| subject.label.as_str()).collect();
    assert_eq!(labels, ["baseline", "candidate"]);
    let sent = report(1, "one", &lease.session, |place| Some(latencies[place]));
    farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
    farm.get(&format!("/api/v1/gates/{}", opened.id)).await
}

#[tokio::test]
async fn a_slower_candidate_is_rejected() {
    with_farm(async |farm| {
        let outcome = verdict(farm, [10 * MS, 12 * MS]).await.outcome.unwrap();
        assert_eq!(outcome.verdict, Verdict::Slower);
        let effect = outcome.devices[0].effect.unwrap();
        assert!((effect.value - 0.2).abs() < 0.01 && effect.low > 0.02, "{effect:?}");
        assert_eq!(outcome.devices[0].device, "phone-one");
        assert!(outcome.summary.starts_with("slower than the 2 %"), "{}", outcome.summary);
    })
    .await;
}

#[tokio::test]
async fn an_equal_candidate_passes_and_moves_no_series() {
    with_farm(async |farm| {
        let outcome = verdict(farm, [10 * MS, 10 * MS]).await.outcome.unwrap();
        assert_eq!(outcome.verdict, Verdict::NotSlower, "{}", outcome.summary);
        assert_eq!(farm.scalar("select count(*) from series").await, 0);
        let models: Vec<Model> = farm.get("/api/v1/models").await;
        assert!(models.is_empty(), "suites do not measure what only a gate has seen");
    })
    .await;
}

#[tokio::test]
async fn a_run_that_does_not_count_decides_nothing() {
    with_farm(async |farm| {
        let device = farm.register("one").await;
        let new = stored_gate(farm).await;
        let opened: Gate = farm.post(Scope::Submit, "/api/v1/gates", &new).await;
        let lease = farm.claim(device.id).await.unwrap();
        let mut sent = report(1, "one", &lease.session, |_| Some(10 * MS));
        if let RunReport::Measured(candidate) = &mut sent.runs[1] {
            candidate.warmup.steady = false;
        }
        farm.leased(&lease, "report").json(&sent).send().await.ok::<Reported>();
        let outcome = farm.get::<Gate>(&format!("/api/v1/gates/{}", opened.id)).await.outcome.unwrap();
        assert_eq!(outcome.verdict, Verdict::Inconclusive);
        assert!(outcome.devices[0].detail.contains("candidate's run is degraded: unsteady"), "{outcome:?}");
    })
    .await;
}

#[tokio::test]
async fn a_device_that_gave_no_result_leaves_the_gate_inconclusive() {
    with_farm(async |farm| {
        let device = farm.register("one").await;
        let new = stored_gate(farm).await;
        let opened: Gate = farm.post(Scope::Submit, "/api/v1/gates", &new).await;
        let lease = farm.claim(device.id).await.unwrap();
        let failure = Failure { reason: FailureReason::OperatingPointImpossible, detail: "no such cores".into() };
        farm.leased(&lease, "release").json(&Release { failure }).send().await.empty();
        assert_eq!(farm.app.tick(farm.now()).await.unwrap().gates, 1);
        let outcome = farm.get::<Gate>(&format!("/api/v1/gates/{}", opened.id)).await.outcome.unwrap();
        assert_eq!(outcome.verdict, Verdict::Inconclusive);
        assert!(outcome.summary.contains("no such cores"), "{}", outcome.summary);
        assert_eq!(farm.app.tick(farm.now()).await.unwrap().gates, 0, "a verdict is given once");
    })
    .await;
}

#[tokio::test]
async fn gates_go_before_suites() {
    with_farm(async |farm| {
        let device = farm.register("one").await;
        farm.add_model("enet", Precision::Fp32).await;
        farm.submit(crate::sample::suite(&["enet"])).await;
        let gate: Gate = farm.post(Scope::Submit, "/api/v1/gates", &stored_gate(farm).await).await;
        assert_eq!(farm.claim(device.id).await.unwrap().job, gate.jobs[0].id);
    })
    .await;
}

#[tokio::test]
async fn a_gate_that_cannot_decide_is_refused_at_once() {
    with_farm(async |farm| {
        let unstored = new_gate(gate_subject("small", Precision::Fp32), gate_subject("large", Precision::Fp32));
        let refused = async |gate: &NewGate, code, words: &str| {
            farm.ask(Scope::Submit, Method::POST, "/api/v1/gates").json(gate).send().await.refused(code, words);
        };
        farm.register("one").await;
        refused(&unstored, ProblemCode::UnknownReference, "baseline.manifest.artifact").await;
        let good = stored_gate(farm).await;
        let rules = |change: &dyn Fn(&mut GateRules)| {
            let mut gate = good.clone();
            change(&mut gate.rules);
            gate
        };
        refused(&rules(&|rules| rules.alpha = 0.7), ProblemCode::Invalid, "alpha").await;
        refused(&rules(&|rules| rules.tolerance = -1.0), ProblemCode::Invalid, "tolerance").await;
        refused(&rules(&|rules| rules.at_least = 2), ProblemCode::Invalid, "at_least").await;
        let short = NewGate { plan: MeasurePlan { blocks: 3, ..MeasurePlan::default() }, ..good.clone() };
        refused(&short, ProblemCode::Invalid, "plan.blocks").await;
        let mut threadless = good.clone();
        threadless.candidate.threads = 0;
        refused(&threadless, ProblemCode::Invalid, "candidate.threads").await;
        let mut engine = good.clone();
        engine.candidate.engine.name = "magic".into();
        refused(&engine, ProblemCode::UnknownReference, "magic").await;
        let unknown = farm.ask(Scope::Read, Method::GET, "/api/v1/gates/9").send().await;
        unknown.refused(ProblemCode::NotFound, "gate 9");
    })
    .await;
}
