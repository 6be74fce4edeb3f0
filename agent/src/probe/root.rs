//! How root is had on this device: the agent's own, or `su` in one of its two forms.

use benchrack_protocol::access::RootForm;
use benchrack_protocol::reading::{Missing, Reading};

use crate::sysfs::{Commands, SysErrorKind, excerpt};

/// The user that the agent runs as.
pub fn uid(commands: &dyn Commands) -> Reading<u32> {
    match commands.run("id", &["-u"]) {
        Ok(text) => match text.trim().parse() {
            Ok(uid) => Reading::of(uid),
            Err(_) => Reading::missing(Missing::Invalid, format!("id -u: '{}'", excerpt(&text))),
        },
        Err(error) => error.into_reading(),
    }
}

/// Tries the ways to root, the ones that ask nobody first. `su` is only tried on Android: elsewhere it asks for a
/// password.
pub fn find(commands: &dyn Commands, android: bool, uid: &Reading<u32>) -> Reading<RootForm> {
    match uid.value() {
        Some(0) => return Reading::of(RootForm::Own),
        _ if android => {}
        Some(_) => return Reading::missing(Missing::NotAsked, "start the agent as root to have it"),
        None => return Reading::missing(Missing::NotAsked, "who asks is not known"),
    }
    let mut refusals = Vec::new();
    let forms: [(RootForm, &[&str]); 2] = [(RootForm::SuUid, &["0", "id", "-u"]), (RootForm::SuCommand, &["-c", "id -u"])];
    for (form, arguments) in forms {
        match commands.run("su", arguments) {
            Ok(answer) if answer.trim() == "0" => return Reading::of(form),
            Ok(answer) => refusals.push(Reading::missing(Missing::Denied, format!("su answers '{}'", excerpt(&answer)))),
            Err(error) if error.kind == SysErrorKind::Unavailable => {
                refusals.push(Reading::missing(Missing::Denied, error.to_string()));
            }
            Err(error) => refusals.push(error.into_reading()),
        }
    }
    match (uid, refusals.pop()) {
        (Reading::Missing { .. }, Some(Reading::Missing { missing: Missing::Absent, .. })) => {
            Reading::missing(Missing::NotAsked, "who asks is not known")
        }
        (_, refusal) => refusal.unwrap_or_else(|| Reading::missing(Missing::Absent, "no su")),
    }
}
