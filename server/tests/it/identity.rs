//! Two agents that say they are the same device: a serial number that two phones tell, or a data folder that is new.

use axum::http::Method;
use benchrack_protocol::api::{Claim, Device, Registration, Scope};
use benchrack_protocol::problem::ProblemCode;
use benchrack_protocol::signature::SecretKey;
use benchrack_protocol::units::Nanos;
use time::Duration;

use crate::farm::{Answer, Farm, with_farm};
use crate::sample::registration;

impl Farm {
    async fn register_with(&self, seed: u8) -> Answer {
        let public_key = Some(SecretKey::of_seed(&[seed; 32]).public());
        let new = Registration { public_key, ..registration("one") };
        self.ask(Scope::Agent, Method::PUT, "/api/v1/devices/one").json(&new).send().await
    }
}

#[tokio::test]
async fn a_second_agent_is_no_device_as_long_as_the_first_is_heard_of() {
    with_farm(async |farm| {
        let device: Device = farm.register_with(1).await.ok();
        farm.pass(Duration::seconds(30));
        farm.register_with(2).await.refused(ProblemCode::IdentityInUse, "heard of 30 s ago");
        let stored: Device = farm.get(&format!("/api/v1/devices/{}", device.id)).await;
        assert_eq!(stored.public_key, device.public_key, "nothing was stored");
        // The same agent may come back at any time, and each sign of life counts.
        farm.pass(Duration::seconds(80));
        assert_eq!(farm.register_with(1).await.ok::<Device>().id, device.id);
        farm.pass(Duration::seconds(80));
        let claim = Claim { device: device.id, wait: Nanos(0) };
        farm.ask(Scope::Agent, Method::POST, "/api/v1/leases").json(&claim).send().await.empty();
        farm.pass(Duration::seconds(80));
        farm.register_with(2).await.refused(ProblemCode::IdentityInUse, "two devices tell one serial number");
        // Silent for a minute and a half: its phone's folder was removed, and this is the agent after it.
        farm.pass(Duration::seconds(11));
        let after: Device = farm.register_with(2).await.ok();
        assert_eq!(after.id, device.id);
        assert_ne!(after.public_key, device.public_key);
        farm.register_with(1).await.refused(ProblemCode::IdentityInUse, "heard of 0 s ago");
    })
    .await;
}

#[tokio::test]
async fn of_two_new_agents_with_one_identity_at_once_one_is_taken() {
    with_farm(async |farm| {
        let answers = futures::future::join_all((1..=4).map(|seed| farm.register_with(seed))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status.is_success()).count(), 1);
        assert_eq!(farm.scalar("select count(*) from devices").await, 1);
    })
    .await;
}
