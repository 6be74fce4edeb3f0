//! The rack: every device as a card.

use askama::Template;
use askama::filters::HtmlSafe;
use benchrack_protocol::api::{Metric, Run};
use benchrack_protocol::validity::Validity;

use super::rack_hosts::Host;
use super::render;
use crate::format::{Unit, change};
use crate::part::{Badge, Ctx, Num, Tab, instant, metric_of};
use crate::table::Table;
use crate::text::fill;
use crate::view::{DeviceCard, Queue, RackView};
use crate::{Chrome, Page, RenderError, link};

/// A device at a glance, on the rack and on the first page.
#[derive(Template)]
#[template(path = "part/card.html")]
pub(super) struct Card<'a> {
    c: &'a Ctx<'a>,
    d: &'a DeviceCard,
    unreal: Option<Badge>,
    vitals: Vec<Vital>,
    /// Whether the newest runs are of several engines, so that each says which.
    engines: bool,
    /// Whether cards stand right below the page's heading.
    main: bool,
}

/// What is known of how a device is.
struct Vital {
    words: String,
    /// More under the pointer.
    title: String,
    href: Option<String>,
}

impl HtmlSafe for Card<'_> {}

impl<'a> Card<'a> {
    pub(super) fn new(c: &'a Ctx<'a>, device: &'a DeviceCard, main: bool) -> Self {
        let t = &c.t.device;
        let steady = device.steadiness.map(|steady| Vital {
            words: fill(t.shows, &[&Unit::Share.show(steady.smallest)]),
            title: fill(t.shows_why, &[&Unit::Share.show(steady.noise), &steady.runs]),
            href: None,
        });
        let control = device.control.map(|control| Vital {
            words: fill(t.control_at, &[&change(control.change)]),
            title: t.control_why.into(),
            href: Some(link::series(control.series)),
        });
        let heat = device.condition.heat.as_ref().map(|heat| Vital {
            words: format!("{} {}", Unit::Temperature.show(heat.temperature.0 as f64), heat.sensor),
            title: fill(t.hottest, &[&instant(heat.at)]),
            href: None,
        });
        let battery = device.condition.battery.as_ref().map(|battery| Vital {
            words: fill(t.battery_level, &[&battery.percent]),
            title: battery.status.as_ref().map(|status| fill(t.battery_when, &[status])).unwrap_or_default(),
            href: None,
        });
        let vitals = [heat, battery, steady, control].into_iter().flatten().collect();
        let engines = device.newest.windows(2).any(|two| matches!(two, [a, b] if a.engine != b.engine));
        Self { c, d: device, unreal: c.reality(&device.reality), vitals, engines, main }
    }
}

impl Ctx<'_> {
    /// A run in two words: its latency, or that it failed.
    pub(crate) fn brief(&self, run: &Run) -> Num {
        match metric_of(run, Metric::Latency).value() {
            Some(latency) => Num::plain(Unit::Time.show(latency.value)),
            None => Num::missing(run.failure.as_ref().map_or(self.t.common.failed, |failure| failure.detail.as_str())),
        }
    }

    /// How much waits and how much runs.
    pub(crate) fn queue(&self, queue: &Queue) -> String {
        match (queue.leased, queue.queued) {
            (0, 0) => String::new(),
            (leased, queued) => fill(self.t.device.queue, &[&leased, &queued]),
        }
    }
}

#[derive(Template)]
#[template(path = "rack.html")]
struct Rack<'a> {
    c: &'a Ctx<'a>,
    v: &'a RackView,
    queue: String,
    states: Vec<(Badge, usize)>,
    cards: Vec<Card<'a>>,
    hosts: Vec<Host<'a>>,
}

/// In the order of urgency.
const STATES: [&str; 6] = ["quarantined", "offline", "cooling", "leased", "idle", "retired"];

impl Page for RackView {
    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let c = Ctx::new(chrome, "", Tab::Rack).at(link::RACK, "").with_csv().living();
        let c = &Ctx { title: c.t.common.rack.into(), ..c };
        let states = STATES
            .iter()
            .map(|state| (c.state(state, &None), self.devices.iter().filter(|device| device.state == *state).count()))
            .filter(|(_, count)| *count > 0)
            .collect();
        let cards = self.devices.iter().map(|device| Card::new(c, device, true)).collect();
        let hosts = self.hosts.iter().map(|host| Host::new(c, host, &self.devices)).collect();
        render(&Rack { c, v: self, queue: c.queue(&self.queue), states, cards, hosts })
    }

    fn csv(&self) -> Result<Option<String>, RenderError> {
        let mut table = Table::new(&["device", "name", "title", "state", "reason", "reality", "last_seen_at", "queued_jobs"]);
        for device in &self.devices {
            table.row([
                device.id.to_string(),
                Table::text(&device.name),
                Table::text(&device.title),
                Table::text(&device.state),
                Table::text(device.reason.as_deref().unwrap_or_default()),
                Table::word(&device.reality),
                Table::time(device.last_seen_at),
                device.queued.to_string(),
            ])?;
        }
        table.finish().map(Some)
    }
}
