//! From a phone as it is to a phone with the right agent at work.
//!
//! What has to be done is planned from a [`Survey`] by pure code, and every step leaves the phone in a state from which the
//! next survey goes on: this host may be killed at any point. An upgrade replaces the program and never the folder with
//! undelivered reports; an agent that does not run is taken back for the one before it.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use crate::abi::AgentFile;
use crate::adb::{AdbError, quoted};
use crate::place::{AGENT, DRAINED, LOG, NEW, PREVIOUS, Place, REFUSED, SETTINGS, TOKEN, TOKEN_ID};
use crate::reach::{Answer, Reach};
use crate::settings::sha256;
use crate::survey::{Survey, running};

/// What shall be on the phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The program.
    pub agent: AgentFile,
    /// The text of its configuration.
    pub settings: String,
    /// A token to put there; none keeps the one that is there.
    pub token: Option<NewToken>,
}

/// A token just made.
#[derive(Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Its number at the server.
    pub id: i64,
    /// Its secret.
    pub secret: String,
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewToken").field("id", &self.id).finish_non_exhaustive()
    }
}

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Make the folder, for this user alone.
    MakeFolder,
    /// Copy the program beside the present one, and try it.
    PushAgent,
    /// End the agent, which restores the phone and gives its lease back.
    Stop,
    /// Put the new program in the place of the present one.
    SwapAgent,
    /// Put the configuration in place.
    PutSettings,
    /// Put the token in place.
    PutToken,
    /// Start the agent detached.
    Start,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::MakeFolder => "folder made",
            Self::PushAgent => "agent pushed",
            Self::Stop => "agent stopped",
            Self::SwapAgent => "agent put in place",
            Self::PutSettings => "configured",
            Self::PutToken => "enrolled",
            Self::Start => "started",
        })
    }
}

/// The phone is not as it should be after deploying.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// No answer from the phone.
    #[error("the phone does not answer")]
    Reach(#[from] AdbError),
    /// Not enough room.
    #[error("the phone has {} MB free where the agent goes, and it takes {} MB; remove something", free / 1_000_000, needed / 1_000_000)]
    NoSpace {
        /// Bytes.
        free: u64,
        /// Bytes.
        needed: u64,
    },
    /// What arrived is not what was sent.
    #[error("the agent arrived damaged: its SHA-256 is {found} on the phone, {wanted} here")]
    Damaged {
        /// There.
        found: String,
        /// Here.
        wanted: String,
    },
    /// The program does not run on this phone.
    #[error("the agent does not run on this phone: {said}")]
    WontRun {
        /// What its shell or the program said.
        said: String,
    },
    /// The agent ended soon after its start.
    #[error("the agent ended soon after its start{}; its log ends: {log}", if *rolled_back { ", and the one before it is back" } else { "" })]
    Died {
        /// Whether the program before it was put back.
        rolled_back: bool,
        /// The end of its log.
        log: String,
    },
    /// The agent does not end.
    #[error("the agent does not end, not even when it is killed; restart the phone")]
    WontEnd,
    /// A command of ours failed on the phone.
    #[error("the phone could not {what}: {said}")]
    Failed {
        /// What was tried.
        what: &'static str,
        /// What its shell said.
        said: String,
    },
    /// A file for the phone cannot be written here.
    #[error("cannot write a temporary file on this host")]
    Here(#[from] std::io::Error),
}

/// Room that must be left on the phone after a push: models and reports need some.
const RESERVE: u64 = 64_000_000;

/// What is to be done on a phone as it was found. Nothing for a phone that is as it shall be.
///
/// # Errors
/// [`DeployError::NoSpace`].
pub fn plan(survey: &Survey, wanted: &Wanted) -> Result<Vec<Step>, DeployError> {
    let there = survey.agent.as_deref();
    // One that did not run here is not tried again; the one before it works on.
    let refused = survey.refused.as_deref() == Some(&wanted.agent.sha256) && there.is_some();
    let push = there != Some(&wanted.agent.sha256) && !refused;
    let settings = survey.settings.as_deref() != Some(&sha256(&wanted.settings));
    let changed = push || settings || wanted.token.is_some();
    let needed = if push { wanted.agent.size } else { 0 };
    if let Some(free) = survey.free.filter(|free| *free < needed.saturating_add(RESERVE) && push) {
        return Err(DeployError::NoSpace { free, needed: needed.saturating_add(RESERVE) });
    }
    let mut steps = Vec::new();
    let mut add = |step, when: bool| {
        if when {
            steps.push(step);
        }
    };
    add(Step::MakeFolder, changed);
    // The push takes longest: the present agent works on meanwhile.
    add(Step::PushAgent, push);
    add(Step::Stop, changed && survey.running.is_some());
    add(Step::SwapAgent, push);
    add(Step::PutSettings, settings);
    add(Step::PutToken, wanted.token.is_some());
    add(Step::Start, (changed || survey.running.is_none()) && !survey.drained);
    Ok(steps)
}

const QUICK: Duration = Duration::from_secs(20);

/// A bad cable moves a megabyte a second.
fn push_limit(size: u64) -> Duration {
    QUICK + Duration::from_micros(size)
}

/// Does the steps in order. After a failure the phone is as the last whole step left it.
///
/// # Errors
/// See [`DeployError`].
pub async fn carry_out(reach: &impl Reach, place: &Place, wanted: &Wanted, steps: &[Step]) -> Result<(), DeployError> {
    for step in steps {
        match step {
            Step::MakeFolder => {
                done(reach, place, "make the folder", r#"mkdir -p "$B" && chmod 700 "$B""#).await?;
            }
            Step::PushAgent => push_agent(reach, place, wanted).await?,
            Step::Stop => stop(reach, place).await?,
            Step::SwapAgent => {
                let script = format!(
                    "rm -f \"$B/{REFUSED}\"\n[ ! -f \"$B/{AGENT}\" ] || mv -f \"$B/{AGENT}\" \"$B/{PREVIOUS}\" || exit 1\nmv -f \"$B/{NEW}\" \"$B/{AGENT}\""
                );
                done(reach, place, "put the new agent in place", &script).await?;
            }
            Step::PutSettings => {
                put(reach, place, SETTINGS, &wanted.settings, "").await?;
            }
            Step::PutToken => {
                if let Some(token) = &wanted.token {
                    // Without its number a token counts as none, so a half-done step is done again.
                    let id = token.id;
                    put(reach, place, TOKEN, &token.secret, &format!("rm -f \"$B/{TOKEN_ID}\"")).await?;
                    done(reach, place, "note the token's number", &format!("echo {id} >\"$B/{TOKEN_ID}\"")).await?;
                }
            }
            Step::Start => {
                let swapped = steps.contains(&Step::SwapAgent);
                start(reach, place, swapped.then_some(wanted.agent.sha256.as_str())).await?;
            }
        }
    }
    Ok(())
}

/// Runs a script that has to succeed.
async fn done(reach: &impl Reach, place: &Place, what: &'static str, script: &str) -> Result<Answer, DeployError> {
    let answer = reach.shell(&place.script(&format!("exec 2>&1\n{script}")), QUICK).await?;
    if answer.code == 0 { Ok(answer) } else { Err(DeployError::Failed { what, said: last_lines(&answer.output) }) }
}

/// Puts a small file in place as a whole, readable by its owner alone. Its text never stands on a command line.
async fn put(reach: &impl Reach, place: &Place, name: &str, text: &str, before: &str) -> Result<(), DeployError> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), text)?;
    let partial = place.file(&format!("{name}.partial"));
    reach.push(file.path(), &partial, QUICK).await?;
    let script = format!(
        "{before}\n[ \"$(wc -c <{0})\" -eq {2} ] || {{ echo it arrived damaged; exit 1; }}\nchmod 600 {0} && mv -f {0} {1}",
        quoted(&partial),
        quoted(place.file(name)),
        text.len()
    );
    done(reach, place, "put a file in place", &script).await.map(drop)
}

async fn push_agent(reach: &impl Reach, place: &Place, wanted: &Wanted) -> Result<(), DeployError> {
    let (new, limit) = (place.file(NEW), push_limit(wanted.agent.size));
    reach.push(Path::new(&wanted.agent.path), &new, limit).await?;
    let answer = done(reach, place, "hash the new agent", &format!("sha256sum <\"$B/{NEW}\"")).await?;
    let found = answer.output.split_whitespace().next().unwrap_or_default().to_owned();
    if found != wanted.agent.sha256 {
        done(reach, place, "remove a damaged agent", &format!("rm -f \"$B/{NEW}\"")).await?;
        return Err(DeployError::Damaged { found, wanted: wanted.agent.sha256.clone() });
    }
    // Tried before anything is replaced: a wrong ABI, a folder without execution, a kernel that is too old.
    let script = place.script(&format!("exec 2>&1\nchmod 755 \"$B/{NEW}\" && \"$B/{NEW}\" --version"));
    let answer = reach.shell(&script, QUICK).await?;
    if answer.code != 0 || !answer.output.contains("benchrack-agent") {
        done(reach, place, "remove an agent that does not run", &format!("rm -f \"$B/{NEW}\"")).await?;
        return Err(DeployError::WontRun { said: last_lines(&answer.output) });
    }
    Ok(())
}

/// Seconds that an agent has to restore its phone and give its lease back; then it is killed, and its guardian restores.
const ENDS_WITHIN: u32 = 30;

/// Ends the agent; nothing happens where none runs.
///
/// # Errors
/// See [`DeployError`].
pub async fn stop(reach: &impl Reach, place: &Place) -> Result<(), DeployError> {
    let script = format!(
        r#"{running}[ -z "$p" ] && exit 0
kill -TERM $p 2>/dev/null
i=0; while alive $p && [ $i -lt {ENDS_WITHIN} ]; do sleep 1; i=$((i+1)); done
alive $p && kill -KILL $p 2>/dev/null
i=0; while alive $p && [ $i -lt 5 ]; do sleep 1; i=$((i+1)); done
! alive $p"#,
        running = running(place)
    );
    let limit = QUICK + Duration::from_secs(u64::from(ENDS_WITHIN) + 5);
    let answer = reach.shell(&script, limit).await?;
    if answer.code == 0 { Ok(()) } else { Err(DeployError::WontEnd) }
}

/// Starts the agent so that it outlives cable and adb server: in a session of its own, with all its standard streams away
/// from the shell. A log that has grown is put aside first. `tried` is the digest of a program that is new here: if it ends
/// at once, the one before it is put back.
async fn start(reach: &impl Reach, place: &Place, tried: Option<&str>) -> Result<(), DeployError> {
    match start_and_look(reach, place).await? {
        Ok(()) => Ok(()),
        Err(log) => {
            let rolled_back = match tried {
                Some(digest) => roll_back(reach, place, digest).await?,
                None => false,
            };
            Err(DeployError::Died { rolled_back, log })
        }
    }
}

async fn start_and_look(reach: &impl Reach, place: &Place) -> Result<Result<(), String>, DeployError> {
    let running = running(place);
    let script = format!(
        r#"{running}[ -n "$p" ] && exit 0
[ "$(wc -c <"$B/{LOG}" 2>/dev/null || echo 0)" -gt 4000000 ] && mv -f "$B/{LOG}" "$B/{LOG}.1"
rm -f "$B/agent.pid"
setsid sh -c 'echo $$ >"$0/agent.pid"; exec "$0/{AGENT}" run --config "$0/{SETTINGS}"' "$B" </dev/null >>"$B/{LOG}" 2>&1 &
i=0; while [ $i -lt 20 ]; do
{running}[ -n "$p" ] && break
q=$(cat "$B/agent.pid" 2>/dev/null); [ -n "$q" ] && [ ! -d /proc/$q ] && break
sleep 1; i=$((i+1)); done
sleep 2
{running}[ -n "$p" ] && exit 0
tail -n 5 "$B/{LOG}"
exit 1"#
    );
    let answer = reach.shell(&script, QUICK + Duration::from_secs(25)).await?;
    Ok(if answer.code == 0 { Ok(()) } else { Err(last_lines(&answer.output)) })
}

/// Puts the program before this one back and starts it; false where there is none.
async fn roll_back(reach: &impl Reach, place: &Place, digest: &str) -> Result<bool, DeployError> {
    let script = format!(
        "[ -f \"$B/{PREVIOUS}\" ] || {{ echo none; exit 0; }}\necho {digest} >\"$B/{REFUSED}\" && mv -f \"$B/{PREVIOUS}\" \"$B/{AGENT}\" && echo back"
    );
    let answer = done(reach, place, "put the agent before this one back", &script).await?;
    if answer.output.trim() != "back" {
        return Ok(false);
    }
    Ok(start_and_look(reach, place).await?.is_ok())
}

/// Lets the agent finish its session and deliver what it has, and keeps it away until [`undrain`]. `rest` is waited for
/// between two looks.
///
/// # Errors
/// See [`DeployError`].
pub async fn drain<F: Future<Output = ()>>(
    reach: &impl Reach,
    place: &Place,
    mut rest: impl FnMut() -> F,
) -> Result<(), DeployError> {
    // The mark first: a watch that looks meanwhile must not start it again.
    let ask = format!("{}: >\"$B/{DRAINED}\" || exit 1\n[ -z \"$p\" ] || kill -USR1 $p", running(place));
    let answer = reach.shell(&ask, QUICK).await?;
    if answer.code != 0 {
        return Err(DeployError::Failed { what: "be drained", said: last_lines(&answer.output) });
    }
    let look = format!("{}echo \"$p\"", running(place));
    while !reach.shell(&look, QUICK).await?.output.trim().is_empty() {
        rest().await;
    }
    Ok(())
}

/// Lets the agent be started again.
///
/// # Errors
/// See [`DeployError`].
pub async fn undrain(reach: &impl Reach, place: &Place) -> Result<(), DeployError> {
    done(reach, place, "take the mark of draining away", &format!("rm -f \"$B/{DRAINED}\"")).await.map(drop)
}

/// Takes everything off the phone, reports that wait included.
///
/// # Errors
/// See [`DeployError`].
pub async fn undeploy(reach: &impl Reach, place: &Place) -> Result<(), DeployError> {
    stop(reach, place).await?;
    done(reach, place, "remove the folder", r#"rm -rf "$B""#).await.map(drop)
}

/// The end of the agent's log.
///
/// # Errors
/// See [`DeployError`].
pub async fn log(reach: &impl Reach, place: &Place, lines: u32) -> Result<String, DeployError> {
    let script = format!("cat \"$B/{LOG}.1\" \"$B/{LOG}\" 2>/dev/null | tail -n {lines}");
    Ok(done(reach, place, "read the log", &script).await?.output)
}

/// What a shell or program said last, for an error.
fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join(" | ");
    if last.is_empty() { "nothing was said".into() } else { last.chars().take(1_000).collect() }
}

#[cfg(test)]
mod tests;
