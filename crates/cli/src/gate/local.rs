//! A gate on this machine without a server: the same session, the same judgement, the same receipt.

use std::path::PathBuf;

use benchrack_agent::command::this_device;
use benchrack_agent::device::Device;
use benchrack_agent::session::Observer;
use benchrack_protocol::api::NewGate;
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::receipt::{ReceiptDevice, SignedReport};
use benchrack_protocol::report::SessionReport;
use benchrack_server::app::{Facts, budgets_of};

use super::Answer;
use crate::exit::{Blame, Failure, usage};
use crate::local;

/// What this machine is called in a gate of its own.
const NAME: &str = "this machine";

/// Measures a gate here. `files` are those of models and engines' libraries, by digest.
pub async fn measure(
    request: &NewGate,
    files: Vec<(ArtifactId, PathBuf)>,
    observer: Observer<'_>,
) -> Result<(Answer, SessionReport), Failure> {
    benchrack_server::judge::check_metrics(request).map_err(usage)?;
    let text = serde_json::to_string(request).infrastructure("cannot write the request as JSON")?;
    let known = this_device(&Device::live());
    let facts = Facts { key: &known.identity.key, name: NAME, report: &known, labels: &[] };
    let budgets = budgets_of(request, facts).map_err(|refusal| usage(refusal.detail))?;
    let engines = [request.baseline.engine.clone(), request.candidate.engine.clone()];
    let spec = request.session(ArtifactId::of(text.as_bytes()), NAME, 1, budgets, engines);
    let report = local::session(spec, files, observer).await?;
    let key = local::signing_key()?;
    let body = serde_json::to_string(&report).infrastructure("cannot write the report as JSON")?;
    let signed = SignedReport { signature: Some(key.sign_report(body.as_bytes())), key: Some(key.public()), report: body };
    let device = ReceiptDevice { device: NAME.into(), result: Ok(signed) };
    let receipt = benchrack_server::judge::receipt(&text, vec![device]).infrastructure("cannot make the receipt")?;
    let outcome = serde_json::from_str(&receipt.outcome).infrastructure("cannot read the outcome")?;
    let receipt = receipt.to_text().infrastructure("cannot write the receipt")?;
    Ok((Answer { outcome, receipt: Some(receipt) }, report))
}
