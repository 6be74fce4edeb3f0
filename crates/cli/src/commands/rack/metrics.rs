//! The watch's figures as a file in Prometheus' text format: a rack host serves nothing, and the textfile collector of
//! node_exporter takes such files along. The names are not those of the server's `/metrics`, where a phone counts by its host's
//! last report.

use std::path::Path;

use benchrack_protocol::rack::RackPhase;
use benchrack_rack::host::Line;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InPhase {
    phase: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPhone {
    phone: String,
}

/// Writes the figures of these phones whole: a collector never sees half a file.
pub(super) fn write(file: &Path, lines: &[Line]) -> anyhow::Result<()> {
    let partial = file.with_extension("partial");
    std::fs::write(&partial, text(lines)?)?;
    std::fs::rename(&partial, file)?;
    Ok(())
}

fn text(lines: &[Line]) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::with_prefix("benchrack_rack_host");
    let phones = Family::<InPhase, Gauge>::default();
    registry.register("phones", "Phones of this rack by how they are doing", phones.clone());
    let working = Family::<OfPhone, Gauge>::default();
    registry.register(
        "phone_working",
        "Whether the server hears of a phone, or its port's power is off as its session asked",
        working.clone(),
    );
    let silent = Family::<OfPhone, Gauge>::default();
    registry.register("phone_silent_seconds", "Time since the server last heard of a phone", silent.clone());
    // All of them, so that a phase without phones is 0 and not absent.
    for phase in RackPhase::ALL {
        let count = lines.iter().filter(|line| line.phase.kind() == phase).count();
        phones.get_or_create(&InPhase { phase: phase.word() }).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    for line in lines {
        let phone = OfPhone { phone: line.id.clone() };
        working.get_or_create(&phone).set(i64::from(line.phase.kind() == RackPhase::Working));
        if let Some(seconds) = line.silent_s {
            silent.get_or_create(&phone).set(i64::try_from(seconds).unwrap_or(i64::MAX));
        }
    }
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use benchrack_rack::PhoneState;
    use benchrack_rack::watch::Phase;

    use super::*;

    #[test]
    fn every_phase_is_counted_and_a_phone_that_was_never_heard_of_has_no_time() {
        let line = |id: &str, phase, silent_s| Line {
            id: id.into(),
            model: None,
            adb: Some(PhoneState::Device),
            phase,
            doing: None,
            last: None,
            device: None,
            device_state: None,
            silent_s,
        };
        let quarantined = Phase::Quarantined { reason: "no room".into() };
        let text = text(&[line("a\"b", Phase::Working, Some(7)), line("c", quarantined, None)]).unwrap();
        for expected in [
            r#"benchrack_rack_host_phones{phase="working"} 1"#,
            r#"benchrack_rack_host_phones{phase="drained"} 0"#,
            r#"benchrack_rack_host_phone_working{phone="a\"b"} 1"#,
            r#"benchrack_rack_host_phone_working{phone="c"} 0"#,
            r#"benchrack_rack_host_phone_silent_seconds{phone="a\"b"} 7"#,
        ] {
            assert!(text.lines().any(|line| line == expected), "{expected}: {text}");
        }
        assert!(!text.contains(r#"silent_seconds{phone="c"}"#), "an absent figure is never zero");
        assert_eq!(text.matches("benchrack_rack_host_phones{").count(), RackPhase::ALL.len());
    }
}
