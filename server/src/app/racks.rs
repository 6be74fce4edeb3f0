//! Hosts of racks and what they tell of their phones.

use std::collections::BTreeSet;

use benchrack_protocol::rack::{Rack, RackPhase, RackPhone, RackReport};
use time::Duration;

use super::{App, check_text};
use crate::db;
use crate::events::FarmEvent;
use crate::refusal::Refusal;

/// A host that is silent for so long has another name now, or is gone.
pub(super) const FORGOTTEN_AFTER: Duration = Duration::days(30);
/// Far more phones than a host has ports for.
const MOST_PHONES: usize = 1_000;

impl App {
    /// Takes a host's word on its phones.
    ///
    /// # Errors
    /// `invalid` when it makes no sense, naming the phone.
    pub async fn report_rack(&self, host: &str, report: &RackReport) -> Result<(), Refusal> {
        check_text("the host", host, 120)?;
        if report.phones.len() > MOST_PHONES {
            return Err(Refusal::invalid(format!("phones are {}, {MOST_PHONES} are the most of one host", report.phones.len())));
        }
        let mut names = BTreeSet::new();
        for (nth, phone) in report.phones.iter().enumerate() {
            check_text(&format!("phones[{nth}].phone"), &phone.phone, RackPhone::LONGEST_NAME)?;
            if !names.insert(&phone.phone) {
                return Err(Refusal::invalid(format!("phones[{nth}].phone: {} is named twice", phone.phone)));
            }
            let (name, reason) = (RackPhone::LONGEST_NAME, RackPhone::LONGEST_REASON);
            for (field, text, longest) in [
                ("model", &phone.model, name),
                ("device", &phone.device, name),
                ("reason", &phone.reason, reason),
                ("doing", &phone.doing, name),
            ] {
                if let Some(text) = text {
                    check_text(&format!("phones[{nth}].{field}"), text, longest)?;
                }
            }
            if phone.phase == RackPhase::Quarantined && phone.reason.is_none() {
                return Err(Refusal::invalid(format!("phones[{nth}].reason is missing: nothing is quarantined without one")));
            }
        }
        let mut tx = self.db().begin().await?;
        db::racks::report(&mut tx, host, report, self.now()).await?;
        db::notify::notify(&mut tx, &FarmEvent::Rack { host: host.into() }).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Every host with its phones.
    ///
    /// # Errors
    /// When the database does not do as asked.
    pub async fn racks(&self) -> Result<Vec<Rack>, Refusal> {
        Ok(db::racks::list(self.db()).await?)
    }
}
