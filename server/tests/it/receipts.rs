//! Receipts of gates: what was measured gives the verdict again, and whatever is changed is noticed.

use axum::http::Method;
use benchrack_protocol::api::{Gate, NewGate, Registration, Reported, SIGNATURE_HEADER, Scope, Verdict};
use benchrack_protocol::budget::Budget;
use benchrack_protocol::model::Precision;
use benchrack_protocol::problem::ProblemCode;
use benchrack_protocol::receipt::Receipt;
use benchrack_protocol::report::SessionReport;
use benchrack_protocol::signature::SecretKey;
use benchrack_protocol::units::Nanos;
use benchrack_server::judge::{NotGenuine, receipt, verify};
use serde_json::Value;

use crate::farm::{Farm, with_farm};
use crate::sample::{gate_subject, model_bytes, new_gate, registration, report};

const MS: u64 = 1_000_000;

fn key(seed: u8) -> SecretKey {
    SecretKey::of_seed(&[seed; 32])
}

/// A gate on two phones of which the second is slower, each report signed with its phone's key; the receipt's text.
async fn measured(farm: &Farm) -> String {
    for (seed, name) in [(1, "one"), (2, "two")] {
        let new = Registration { public_key: Some(key(seed).public()), ..registration(name) };
        farm.ask(Scope::Agent, Method::PUT, &format!("/api/v1/devices/{name}")).json(&new).send().await.ok::<Value>();
    }
    for name in ["small", "large"] {
        farm.upload(&model_bytes(name, Precision::Fp32)).await;
    }
    let budget = Budget {
        metric: "latency".into(),
        limit: "1 s".parse().unwrap(),
        devices: "name=phone-one".into(),
        model: "*".into(),
        reason: "nobody waits longer".into(),
        owner: "app team".into(),
    };
    let new = NewGate {
        max_time: Some(Nanos(60_000_000_000)),
        budgets: vec![budget],
        ..new_gate(gate_subject("small", Precision::Fp32), gate_subject("large", Precision::Fp32))
    };
    let opened: Gate = farm.post(Scope::Submit, "/api/v1/gates", &new).await;
    let open = farm.ask(Scope::Read, Method::GET, &format!("/api/v1/gates/{}/receipt", opened.id)).send().await;
    open.refused(ProblemCode::Conflict, "no verdict yet");
    for (seed, job) in (1u8..).zip(&opened.jobs) {
        let lease = farm.claim(job.device).await.unwrap();
        let binding = lease.session.plan.gate.clone().unwrap();
        assert_eq!((binding.devices, binding.budgets.len()), (2, usize::from(seed == 1)), "{binding:?}");
        assert_eq!(lease.session.plan.stop.as_ref().unwrap().comparisons, 2);
        let name = if seed == 1 { "one" } else { "two" };
        let mut sent =
            report(u128::from(seed), name, &lease.session, |place| Some(if place == 1 && seed == 2 { 13 * MS } else { 10 * MS }));
        lengthen(&mut sent);
        let body = serde_json::to_vec(&sent).unwrap();
        let signature = key(seed).sign_report(&body).to_string();
        let ask = farm.leased(&lease, "report").header(SIGNATURE_HEADER, &signature).raw("application/json", body);
        ask.send().await.ok::<Reported>();
    }
    let gate: Gate = farm.get(&format!("/api/v1/gates/{}", opened.id)).await;
    assert_eq!(gate.outcome.unwrap().verdict, Verdict::Slower);
    let answer = farm.ask(Scope::Read, Method::GET, &format!("/api/v1/gates/{}/receipt", opened.id)).send().await;
    assert_eq!(answer.status, 200);
    answer.text()
}

/// Twice the rounds of the sample: ten pairs do not decide when two devices share alpha.
fn lengthen(report: &mut SessionReport) {
    for run in &mut report.runs {
        if let benchrack_protocol::report::RunReport::Measured(run) = run {
            let mut more = run.blocks.clone();
            more.iter_mut().for_each(|block| block.round += 10);
            run.blocks.append(&mut more);
        }
    }
}

#[tokio::test]
async fn a_receipt_gives_the_verdict_again_and_any_change_is_noticed() {
    with_farm(async |farm| {
        let text = measured(farm).await;
        let verified = verify(&text, &[]).unwrap();
        assert_eq!(verified.outcome.verdict, Verdict::Slower);
        assert_eq!(verified.signers.len(), 2);
        assert!(verify(&text, &[key(1).public(), key(2).public()]).is_ok());
        let stranger = verify(&text, &[key(1).public()]).unwrap_err();
        assert!(matches!(&stranger, NotGenuine::Signature { device, .. } if device == "phone-two"), "{stranger}");
        every_leaf_changed_is_noticed(&text);
        a_forger_who_mends_the_chain_is_noticed(&text);
    })
    .await;
}

/// Changes each leaf of each line by itself.
fn every_leaf_changed_is_noticed(text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    let mut changed = 0;
    for (at, line) in lines.iter().enumerate() {
        let value: Value = serde_json::from_str(line).unwrap();
        for path in leaves(&value) {
            let mut forged = value.clone();
            change(forged.pointer_mut(&path).unwrap());
            let mut forged_lines = lines.iter().map(|line| (*line).to_owned()).collect::<Vec<String>>();
            forged_lines[at] = serde_json::to_string(&forged).unwrap();
            assert!(verify(&forged_lines.join("\n"), &[]).is_err(), "line {}, {path}", at + 1);
            changed += 1;
        }
    }
    assert!(changed >= 12, "{changed}");
}

/// Changes each leaf within the texts, then makes chain and verdict anew as somebody would who has this program but no
/// agent's key.
fn a_forger_who_mends_the_chain_is_noticed(text: &str) {
    let genuine = Receipt::from_text(text).unwrap();
    let mut tried = 0;
    let mut try_it = |what: &str, forged: Receipt| {
        // A forger's receipt that cannot even be made is noticed too.
        let Ok(made) = receipt(&forged.request, forged.devices) else { return };
        let error = verify(&made.to_text().unwrap(), &[]);
        assert!(error.is_err(), "{what}");
        tried += 1;
    };
    let request: Value = serde_json::from_str(&genuine.request).unwrap();
    for path in leaves(&request) {
        let mut forged = request.clone();
        change(forged.pointer_mut(&path).unwrap());
        try_it(&format!("request{path}"), Receipt { request: forged.to_string(), ..genuine.clone() });
    }
    let signed = genuine.devices[1].result.clone().unwrap();
    let value: Value = serde_json::from_str(&signed.report).unwrap();
    for path in leaves(&value) {
        let mut forged = value.clone();
        change(forged.pointer_mut(&path).unwrap());
        let mut receipt = genuine.clone();
        receipt.devices[1].result.as_mut().unwrap().report = forged.to_string();
        try_it(&format!("report{path}"), receipt);
    }
    let mut other = |what: &str, forge: &dyn Fn(&mut Receipt)| {
        let mut receipt = genuine.clone();
        forge(&mut receipt);
        try_it(what, receipt);
    };
    other("name", &|receipt| receipt.devices[1].device = "phone-three".into());
    other("swapped names", &|receipt| {
        let (one, two) = (receipt.devices[0].device.clone(), receipt.devices[1].device.clone());
        (receipt.devices[0].device, receipt.devices[1].device) = (two, one);
    });
    other("left out", &|receipt| drop(receipt.devices.remove(1)));
    other("the other phone twice", &|receipt| receipt.devices[1].result = receipt.devices[0].result.clone());
    other("no signature", &|receipt| receipt.devices[1].result.as_mut().unwrap().signature = None);
    other("no key", &|receipt| receipt.devices[1].result.as_mut().unwrap().key = None);
    other("another key", &|receipt| receipt.devices[1].result.as_mut().unwrap().key = Some(key(9).public()));
    assert!(tried > 100, "{tried}");
    // The verdict alone, with a mended chain.
    let outcome = genuine.outcome.replace("slower", "not_slower");
    let error = verify(&Receipt { outcome, ..genuine.clone() }.to_text().unwrap(), &[]).unwrap_err();
    assert!(matches!(error, NotGenuine::Verdict(_)), "{error}");
    // Somebody with a key of his own can sign anything: that is what trusted keys are for.
    let mut resigned = genuine;
    let forged = signed.report.replace("13", "10");
    resigned.devices[1].result.as_mut().unwrap().signature = Some(key(9).sign_report(forged.as_bytes()));
    resigned.devices[1].result.as_mut().unwrap().key = Some(key(9).public());
    resigned.devices[1].result.as_mut().unwrap().report = forged;
    let made = receipt(&resigned.request, resigned.devices).unwrap().to_text().unwrap();
    assert!(verify(&made, &[key(1).public(), key(2).public()]).is_err());
}

/// Pointers to everything that is not a container.
fn leaves(value: &Value) -> Vec<String> {
    let within = |key: String, value: &Value| leaves(value).into_iter().map(move |rest| format!("/{key}{rest}"));
    match value {
        Value::Object(fields) => {
            fields.iter().flat_map(|(key, value)| within(key.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        // The first and the last of many samples stand for all.
        Value::Array(values) => {
            let last = values.len().saturating_sub(1);
            let ends = values.iter().enumerate().filter(|(nth, _)| *nth == 0 || *nth == last);
            ends.flat_map(|(nth, value)| within(nth.to_string(), value)).collect()
        }
        _ => vec![String::new()],
    }
}

fn change(value: &mut Value) {
    *value = match value {
        Value::Null => Value::String("x".into()),
        Value::Bool(flag) => Value::Bool(!*flag),
        Value::Number(number) if number.is_f64() => Value::from(number.as_f64().unwrap() + 0.001),
        Value::Number(number) => Value::from(number.as_u64().unwrap_or(0) + 1),
        Value::String(text) => {
            let last = if text.ends_with('0') { '1' } else { '0' };
            let mut changed = text.clone();
            changed.pop();
            changed.push(last);
            Value::String(changed)
        }
        Value::Array(_) | Value::Object(_) => Value::Null,
    };
}

#[tokio::test]
async fn a_report_with_a_signature_of_another_key_is_refused() {
    with_farm(async |farm| {
        let new = Registration { public_key: Some(key(1).public()), ..registration("one") };
        farm.ask(Scope::Agent, Method::PUT, "/api/v1/devices/one").json(&new).send().await.ok::<Value>();
        for name in ["small", "large"] {
            farm.upload(&model_bytes(name, Precision::Fp32)).await;
        }
        let gate = new_gate(gate_subject("small", Precision::Fp32), gate_subject("large", Precision::Fp32));
        let opened: Gate = farm.post(Scope::Submit, "/api/v1/gates", &gate).await;
        let lease = farm.claim(opened.jobs[0].device).await.unwrap();
        let body = serde_json::to_vec(&report(1, "one", &lease.session, |_| Some(10 * MS))).unwrap();
        for (signature, code, words) in [
            (key(2).sign_report(&body).to_string(), ProblemCode::Invalid, "not that of this report"),
            ("beef".into(), ProblemCode::Malformed, "128 hexadecimal digits"),
        ] {
            let ask = farm.leased(&lease, "report").header(SIGNATURE_HEADER, &signature);
            ask.raw("application/json", body.clone()).send().await.refused(code, words);
        }
        let unsigned = farm.leased(&lease, "report").raw("application/json", body).send().await;
        unsigned.ok::<Reported>();
        let text = farm.ask(Scope::Read, Method::GET, &format!("/api/v1/gates/{}/receipt", opened.id)).send().await;
        let error = verify(&text.text(), &[]).unwrap_err();
        assert!(error.to_string().contains("is not signed"), "{error}");
    })
    .await;
}
