//! What a person decides about a device.

use benchrack_lifecycle::device::DeviceEvent;
use benchrack_protocol::api::Device;
use benchrack_protocol::ids::DeviceId;

use super::{App, check_text};
use crate::db;
use crate::refusal::Refusal;

/// A person's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// No more work until readmitted; with the reason.
    Quarantine(String),
    /// Let in again.
    Readmit,
    /// Gone for good; with the reason.
    Retire(String),
}

impl App {
    /// Carries out a decision about a device.
    ///
    /// # Errors
    /// Unknown device; a conflict when its state does not allow it.
    pub async fn order(&self, id: DeviceId, order: Order) -> Result<Device, Refusal> {
        let event = match order {
            Order::Quarantine(reason) => {
                check_text("reason", &reason, Device::LONGEST_REASON)?;
                DeviceEvent::Quarantine { reason }
            }
            Order::Readmit => DeviceEvent::Readmit,
            Order::Retire(reason) => {
                check_text("reason", &reason, Device::LONGEST_REASON)?;
                DeviceEvent::Retire { reason }
            }
        };
        let mut tx = self.db().begin().await?;
        let device = db::devices::lock(&mut tx, id).await?.ok_or_else(|| Refusal::not_found("device", id))?;
        let machine = self.move_device(&mut tx, &device, &event, self.now()).await?;
        tx.commit().await?;
        tracing::info!(device.id = %id, state = machine.state.word(), "a person changed a device's state");
        self.device(id).await
    }

    /// One device.
    ///
    /// # Errors
    /// Unknown device.
    pub async fn device(&self, id: DeviceId) -> Result<Device, Refusal> {
        db::devices::get(self.db(), id).await?.ok_or_else(|| Refusal::not_found("device", id))
    }
}
