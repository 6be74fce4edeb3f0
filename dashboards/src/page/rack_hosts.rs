//! The hosts of the racks, with those of their phones that are not simply at work.

use askama::Template;
use askama::filters::HtmlSafe;
use benchrack_protocol::rack::{Rack, RackPhase, RackPhoneStatus};
use time::Duration;

use crate::link;
use crate::part::{Badge, Ctx};
use crate::text::fill;
use crate::view::DeviceCard;

/// A host reports twice a minute: after so long several reports in a row are missing.
const SILENT_AFTER: Duration = Duration::minutes(3);

/// One host at a glance.
#[derive(Template)]
#[template(path = "part/host.html")]
pub(super) struct Host<'a> {
    c: &'a Ctx<'a>,
    h: &'a Rack,
    silent: Option<Badge>,
    /// How many phones are in each phase, the worst first.
    phases: Vec<(Badge, usize)>,
    /// Phones that something is to be said of.
    phones: Vec<Phone<'a>>,
    /// How many quarantines are known.
    quarantines: String,
}

struct Phone<'a> {
    told: &'a RackPhoneStatus,
    phase: Badge,
    /// Its device's page, once it has one.
    href: Option<String>,
}

impl HtmlSafe for Host<'_> {}

/// The worst first.
const PHASES: [RackPhase; 6] = [
    RackPhase::Quarantined,
    RackPhase::NeedsPerson,
    RackPhase::Recovering,
    RackPhase::Starting,
    RackPhase::Drained,
    RackPhase::Working,
];

impl<'a> Host<'a> {
    pub(super) fn new(c: &'a Ctx<'a>, host: &'a Rack, devices: &[DeviceCard]) -> Self {
        let of = |phase: RackPhase| host.phones.iter().filter(move |phone| phone.told.phase == phase);
        let phases = PHASES.iter().map(|phase| (c.phase(*phase), of(*phase).count())).filter(|(_, count)| *count > 0);
        let quiet = |phone: &RackPhoneStatus| phone.told.phase == RackPhase::Working && phone.told.reason.is_none();
        let phones = PHASES.iter().flat_map(|phase| of(*phase)).filter(|phone| !quiet(phone)).map(|told| Phone {
            told,
            phase: c.phase(told.told.phase),
            href: devices
                .iter()
                .find(|device| Some(&device.name) == told.told.device.as_ref())
                .map(|device| link::device(device.id)),
        });
        Self {
            c,
            h: host,
            silent: (c.chrome.now - host.reported_at > SILENT_AFTER).then(|| c.silent()),
            phases: phases.collect(),
            phones: phones.collect(),
            quarantines: fill(c.t.device.quarantines, &[&host.quarantines.len()]),
        }
    }
}
