//! Receipts: made from what was judged, and checked by judging it again.

use std::collections::BTreeSet;

use benchrack_protocol::api::{GateOutcome, NewGate};
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::receipt::{Receipt, ReceiptDevice, ReceiptError, SignedReport};
use benchrack_protocol::report::SessionReport;
use benchrack_protocol::session::Subject;
use benchrack_protocol::signature::PublicKey;

use super::gate::{DeviceResult, judge_results};

/// A receipt that holds what it says.
#[derive(Debug)]
pub struct Verified {
    /// What was asked.
    pub request: NewGate,
    /// The verdict, computed again.
    pub outcome: GateOutcome,
    /// Who measured.
    pub signers: Vec<Signer>,
    /// Devices without a report, and why: nobody has signed that.
    pub unsigned: Vec<(String, String)>,
    /// The reports, by device.
    pub reports: Vec<(String, SessionReport)>,
}

/// An agent that signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// Device's name in the farm.
    pub device: String,
    /// Its key.
    pub key: PublicKey,
}

/// A receipt does not hold what it says.
#[derive(Debug, thiserror::Error)]
pub enum NotGenuine {
    /// The file is no whole chain of records.
    #[error("the file is no whole receipt")]
    File(#[from] ReceiptError),
    /// A text within cannot be read.
    #[error("the {what} cannot be read")]
    Text {
        /// Which.
        what: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A report that nobody signed, or not with that key, or with a key that is not trusted.
    #[error("the report of {device} {why}")]
    Signature {
        /// Whose.
        device: String,
        /// What is wrong.
        why: String,
    },
    /// A report that answers something else.
    #[error("the report of {device} answers another question: {why}")]
    OtherQuestion {
        /// Whose.
        device: String,
        /// What differs.
        why: String,
    },
    /// The verdict is another one.
    #[error("the verdict computed again is not the one in the file: {0}")]
    Verdict(String),
}

/// The receipt of a gate, from the request's text and each device's report. Its outcome has no session numbers.
///
/// # Errors
/// When a report is no JSON of one.
pub fn receipt(request: &str, devices: Vec<ReceiptDevice>) -> Result<Receipt, NotGenuine> {
    let (outcome, _) = judged(&read("request", request)?, &devices)?;
    let outcome = serde_json::to_string(&outcome).map_err(|source| NotGenuine::Text { what: "outcome".into(), source })?;
    Ok(Receipt { request: request.to_owned(), devices, outcome })
}

/// Checks a receipt: the chain, each signature, that each report answers this very request on this very device, and that
/// the same samples give the same verdict, byte for byte. With `trusted` keys no other key may have signed.
///
/// # Errors
/// The first thing that does not hold.
pub fn verify(text: &str, trusted: &[PublicKey]) -> Result<Verified, NotGenuine> {
    let receipt = Receipt::from_text(text)?;
    let request: NewGate = read("request", &receipt.request)?;
    let digest = ArtifactId::of(receipt.request.as_bytes());
    let (outcome, reports) = judged(&request, &receipt.devices)?;
    let (mut signers, mut unsigned, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
    for device in &receipt.devices {
        if !names.insert(&device.device) {
            return Err(NotGenuine::OtherQuestion { device: device.device.clone(), why: "the device is there twice".into() });
        }
        match &device.result {
            Ok(signed) => {
                let key = signature(&device.device, signed, trusted)?;
                signers.push(Signer { device: device.device.clone(), key });
            }
            Err(why) => unsigned.push((device.device.clone(), why.clone())),
        }
    }
    let mut ids = BTreeSet::new();
    for (device, report) in &reports {
        let wrong = |why: String| NotGenuine::OtherQuestion { device: device.clone(), why };
        if !ids.insert(report.id) {
            return Err(wrong("another device has the same report".into()));
        }
        answers(report, &request, digest, (device, receipt.devices.len())).map_err(wrong)?;
    }
    let again = serde_json::to_string(&outcome).map_err(|source| NotGenuine::Text { what: "outcome".into(), source })?;
    if again != receipt.outcome {
        return Err(NotGenuine::Verdict(outcome.summary));
    }
    Ok(Verified { request, outcome, signers, unsigned, reports })
}

fn read<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T, NotGenuine> {
    serde_json::from_str(text).map_err(|source| NotGenuine::Text { what: what.to_owned(), source })
}

/// The outcome from the texts of the reports, and the reports.
fn judged(request: &NewGate, devices: &[ReceiptDevice]) -> Result<(GateOutcome, Vec<(String, SessionReport)>), NotGenuine> {
    let mut reports: Vec<(String, Result<SessionReport, String>)> = Vec::with_capacity(devices.len());
    for device in devices {
        let report = match &device.result {
            Ok(signed) => Ok(read::<SessionReport>(&format!("report of {}", device.device), &signed.report)?),
            Err(why) => Err(why.clone()),
        };
        reports.push((device.device.clone(), report));
    }
    let results: Vec<DeviceResult<'_>> = reports
        .iter()
        .map(|(device, report)| DeviceResult {
            device: device.clone(),
            session: None,
            report: report.as_ref().map_err(Clone::clone),
        })
        .collect();
    let outcome = judge_results(&results, request);
    Ok((outcome, reports.into_iter().filter_map(|(device, report)| Some((device, report.ok()?))).collect()))
}

fn signature(device: &str, signed: &SignedReport, trusted: &[PublicKey]) -> Result<PublicKey, NotGenuine> {
    let wrong = |why: String| NotGenuine::Signature { device: device.to_owned(), why };
    let (Some(signature), Some(key)) = (&signed.signature, signed.key) else {
        return Err(wrong("is not signed".into()));
    };
    if !key.has_signed_report(signed.report.as_bytes(), signature) {
        return Err(wrong(format!("was changed after it was signed, or was not signed with the key {key}")));
    }
    if !trusted.is_empty() && !trusted.contains(&key) {
        return Err(wrong(format!("is signed with the key {key}, which is not among the trusted ones")));
    }
    Ok(key)
}

/// Whether a report answers this request on this device.
fn answers(
    report: &SessionReport,
    request: &NewGate,
    digest: ArtifactId,
    (device, devices): (&str, usize),
) -> Result<(), String> {
    let binding = report.spec.plan.gate.as_ref().ok_or("it was measured for no gate")?;
    if binding.request != digest {
        return Err("it was measured for a request of other text".into());
    }
    if binding.device != device {
        return Err(format!("it was measured on {}", binding.device));
    }
    if usize::try_from(binding.devices) != Ok(devices) {
        return Err(format!("it was measured for a gate of {} devices, here are {devices}", binding.devices));
    }
    let [baseline, candidate] = report.spec.subjects.as_slice() else { return Err("it has not two subjects".into()) };
    let engines = [baseline.engine.clone(), candidate.engine.clone()];
    let asked = request.session(digest, device, binding.devices, binding.budgets.clone(), engines);
    let same = |a: &Subject, b: &Subject| {
        (&a.label, a.threads, a.manifest.artifact, &a.manifest.name)
            == (&b.label, b.threads, b.manifest.artifact, &b.manifest.name)
    };
    if !asked.subjects.iter().zip(&report.spec.subjects).all(|(a, b)| same(a, b)) {
        return Err("its subjects are others".into());
    }
    for (side, measured) in [(&request.baseline, baseline), (&request.candidate, candidate)] {
        let wanted = side.engine.name.split('@').next().unwrap_or_default();
        if wanted != measured.engine.name || side.engine.build.is_some_and(|build| measured.engine.build != Some(build)) {
            return Err(format!("its {} ran on {}, asked was {}", measured.label, measured.engine.name, side.engine.name));
        }
    }
    if asked.operating_point != report.spec.operating_point || asked.plan != report.spec.plan {
        return Err("its operating point or plan is another".into());
    }
    Ok(())
}
