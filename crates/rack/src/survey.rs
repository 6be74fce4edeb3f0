//! What is on a phone now: one script, one round trip. It hashes files, so it is for deploying, not for watching a phone
//! that may be measuring.

use std::time::Duration;

use serde::Serialize;

use crate::abi::Abi;
use crate::adb::AdbError;
use crate::place::{AGENT, PREVIOUS, Place, SETTINGS};
use crate::reach::Reach;

/// A phone as it was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Survey {
    /// `ro.product.cpu.abi`, empty where there is no such property.
    pub abi_property: String,
    /// `uname -m`.
    pub machine: String,
    /// `ro.product.model`.
    pub model: String,
    /// `ro.serialno`.
    pub serial: String,
    /// Whether the system is up: Android says so by a property, a board by answering.
    pub booted: bool,
    /// The kernel's random number of this boot.
    pub boot_id: String,
    /// Free space where the agent goes, bytes; none when `df` does not say.
    pub free: Option<u64>,
    /// SHA-256 of the agent there.
    pub agent: Option<String>,
    /// SHA-256 of the agent before it.
    pub previous: Option<String>,
    /// SHA-256 of an agent that was tried here and did not run.
    pub refused: Option<String>,
    /// SHA-256 of the configuration.
    pub settings: Option<String>,
    /// Number of the token there.
    pub token: Option<i64>,
    /// Whether it was told to finish and stay away.
    pub drained: bool,
    /// The agent's process.
    pub running: Option<u32>,
    /// Reports that wait to be delivered.
    pub waiting: u32,
    /// Charge of the battery, percent.
    pub level: Option<u8>,
}

impl Survey {
    /// What its programs are built for.
    pub fn abi(&self) -> Option<Abi> {
        Abi::of(&self.abi_property, &self.machine)
    }
}

/// The process is known by the file that the agent's start wrote and by its command line, since numbers are used again. A
/// process that has ended and was not waited for has no command line.
const RUNNING: &str = r#"alive() { tr '\0' ' ' </proc/$1/cmdline 2>/dev/null | grep -qF "$B/benchrack-agent run"; }
p=$(cat "$B/agent.pid" 2>/dev/null)
case "$p" in *[!0-9]*|'') p= ;; *) alive $p || p= ;; esac
"#;

/// Sets `$p` to the agent's process, or to nothing; `alive PID` asks again.
pub(crate) fn running(place: &Place) -> String {
    place.script(RUNNING)
}

fn script(place: &Place) -> String {
    let hash = |key: &str, name: &str| format!("[ -f \"$B/{name}\" ] && echo \"{key}=$(sha256sum <\"$B/{name}\")\"\n");
    let rest = r#"echo "running=$p"
has_props=$(command -v getprop)
prop() { [ -n "$has_props" ] && getprop "$1"; }
echo "abi=$(prop ro.product.cpu.abi)"
echo "machine=$(uname -m)"
echo "model=$(prop ro.product.model)"
echo "serial=$(prop ro.serialno)"
if [ -n "$has_props" ]; then echo "booted=$(prop sys.boot_completed)"; else echo "booted=1"; fi
echo "boot_id=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
d=$B; [ -d "$d" ] || d=${B%/*}
echo "df=$(df -k "$d" 2>/dev/null | tail -n 1)"
echo "token=$(cat "$B/token.id" 2>/dev/null)"
echo "refused=$(cat "$B/benchrack-agent.refused" 2>/dev/null)"
[ -f "$B/drained" ] && echo "drained=1"
echo "waiting=$(ls "$B/spool" 2>/dev/null | grep -c '\.json$')"
echo "level=$(cat /sys/class/power_supply/battery/capacity 2>/dev/null)"
echo "end=1"
"#;
    let hashes = [hash("agent", AGENT), hash("previous", PREVIOUS), hash("settings", SETTINGS)].concat();
    format!("{}{hashes}{rest}", running(place))
}

/// A slow phone hashes some 50 MB a second.
const LIMIT: Duration = Duration::from_secs(60);

/// Looks at a phone.
///
/// # Errors
/// See [`AdbError`]; [`AdbError::Strange`] when its shell is not one.
pub async fn survey(reach: &impl Reach, place: &Place) -> Result<Survey, AdbError> {
    let answer = reach.shell(&script(place), LIMIT).await?;
    parse(&answer.output).ok_or_else(|| AdbError::Strange {
        call: "the survey of a phone".into(),
        line: answer.output.lines().last().unwrap_or_default().chars().take(120).collect(),
    })
}

/// Lines `key=value`; what a shell says besides is passed over. None without the last line.
fn parse(output: &str) -> Option<Survey> {
    let mut survey = Survey::default();
    let mut whole = false;
    for line in output.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        let value = value.trim();
        match key {
            "running" => survey.running = value.parse().ok(),
            "abi" => survey.abi_property = value.into(),
            "machine" => survey.machine = value.into(),
            "model" => survey.model = value.into(),
            "serial" => survey.serial = value.into(),
            "booted" => survey.booted = value == "1",
            "boot_id" => survey.boot_id = value.into(),
            "df" => survey.free = free(value),
            "agent" => survey.agent = digest(value),
            "previous" => survey.previous = digest(value),
            "refused" => survey.refused = digest(value),
            "drained" => survey.drained = true,
            "settings" => survey.settings = digest(value),
            "token" => survey.token = value.parse().ok(),
            "waiting" => survey.waiting = value.parse().unwrap_or(0),
            "level" => survey.level = value.parse().ok(),
            "end" => whole = true,
            _ => {}
        }
    }
    whole.then_some(survey)
}

/// `sha256sum` prints the digest and a dash for standard input.
fn digest(text: &str) -> Option<String> {
    let digest = text.split_whitespace().next()?;
    (digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| digest.to_ascii_lowercase())
}

/// The last line of `df -k`: device, blocks, used, available, percent, mount point. A long device's name stands on a line of
/// its own, so fields are counted from the percent sign.
fn free(line: &str) -> Option<u64> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let percent = fields.iter().rposition(|field| field.ends_with('%'))?;
    let available: u64 = fields.get(percent.checked_sub(1)?)?.parse().ok()?;
    available.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_read_from_both_forms_of_df() {
        assert_eq!(free("/dev/block/dm-5  112345 12345 100000  11% /data"), Some(102_400_000));
        assert_eq!(free("112345 12345 100000 11% /data/user/0"), Some(102_400_000));
        assert_eq!(free("df: /data: Permission denied"), None);
        assert_eq!(free(""), None);
    }

    #[test]
    fn what_a_phone_does_not_say_stays_unknown_and_a_cut_answer_is_none() {
        let digest = "a".repeat(64);
        let text = format!(
            "WARNING: linker: noise\nrunning=812\nabi=arm64-v8a\nmachine=aarch64\nbooted=1\ndf=/dev/x 1 1 10 1% /data\nagent={digest}  -\nlevel=\ntoken=\nwaiting=2\n"
        );
        assert_eq!(parse(&text), None, "the last line is missing");
        let survey = parse(&format!("{text}end=1\n")).unwrap();
        let expected = Survey {
            abi_property: "arm64-v8a".into(),
            machine: "aarch64".into(),
            booted: true,
            free: Some(10_240),
            agent: Some(digest),
            running: Some(812),
            waiting: 2,
            ..Survey::default()
        };
        assert_eq!(survey, expected);
        assert_eq!(survey.abi(), Some(Abi::Arm64));
    }
}
