//! What a session of the virtual phone must say.

use anyhow::{Context, bail, ensure};
use serde_json::Value;

/// The evidence of a session whose clock was pinned and stayed where it was.
pub fn pinned(evidence: &Value, policy: &str, khz: u64) -> anyhow::Result<()> {
    let all =
        |list: &str| evidence[list].as_array().filter(|list| !list.is_empty()).with_context(|| format!("no {list}: {evidence}"));
    let asked = khz.to_string();
    let clocks = |knob: &&Value| knob["knob"].as_str().is_some_and(|path| path.contains(policy));
    ensure!(all("knobs")?.iter().filter(clocks).count() >= 2, "not both limits were set: {evidence}");
    for knob in all("knobs")?.iter().filter(clocks) {
        let held = knob["outcome"] == "held" && knob["restored"] == true && knob["asked"].as_str() == Some(&asked);
        ensure!(held, "{knob}");
    }
    let here = |entry: &Value| entry["policy"].as_str().is_some_and(|path| path.ends_with(policy));
    for look in all("watch")? {
        let clocks = look["clocks"].as_array().context("no clocks")?;
        let clock = clocks.iter().find(|clock| here(clock)).context("the clock was not watched")?;
        ensure!(clock["frequency"]["value"] == khz && clock["cap"]["value"] == khz, "{clock}");
    }
    let residency = all("residency")?.iter().find(|entry| here(entry)).context("no residency")?;
    let states = residency["time_in_state"]["value"].as_array().context("no time_in_state")?;
    ensure!(!states.is_empty() && states.iter().all(|state| state["frequency"] == khz), "{residency}");
    ensure!(residency["transitions"]["value"] == 0, "{residency}");
    Ok(())
}

/// A session that says what happened to it, and does not count.
pub fn marked(what: &str, text: &str, reasons: &[&str]) -> anyhow::Result<()> {
    let lines: Vec<&str> = text.lines().skip_while(|line| !line.contains("validity")).take(4).map(str::trim).collect();
    let said = lines.join("; ");
    if !said.contains("invalid") && !said.contains("degraded") || !reasons.iter().any(|reason| said.contains(reason)) {
        bail!("{what}: the session says '{said}', and none of {}:\n{text}", reasons.join(", "));
    }
    holds(&format!("{what}: {said}"));
    Ok(())
}

/// What the agent printed.
pub fn json(text: &str) -> anyhow::Result<Value> {
    serde_json::from_str(text).with_context(|| format!("no JSON: {text}"))
}

/// Says that something holds.
pub fn holds(what: &str) {
    println!("ok: {what}");
}
