//! Figures about the server itself, for Prometheus.

use benchrack_protocol::rack::{Rack, RackPhase};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use time::OffsetDateTime;

/// One route's requests. The route is the pattern, `/api/v1/runs/{id}`, so that the number of series is bounded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: String,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Host {
    host: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HostPhase {
    host: String,
    phase: &'static str,
}

/// Upper bounds of the time buckets, s: pages are to take 10 ms, claims wait up to a minute.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 60.0];

/// What is counted while the server runs, and what is read from the database when somebody asks.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    durations: Family<Route, Histogram, fn() -> Histogram>,
    reports: Counter,
    expired: Counter,
    devices: Family<State, Gauge>,
    jobs: Family<State, Gauge>,
    connections: Family<State, Gauge>,
    rack_phones: Family<HostPhase, Gauge>,
    rack_silence: Family<Host, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let mut registry = Registry::with_prefix("benchrack");
        let requests = Family::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        let durations = Family::new_with_constructor(histogram);
        let what = "Time from a request's head to its answer's head";
        registry.register_with_unit("http_request_duration", what, Unit::Seconds, durations.clone());
        let reports = Counter::default();
        registry.register("reports_stored", "Session reports stored by this server", reports.clone());
        let expired = Counter::default();
        registry.register("leases_expired", "Leases that this server found run out", expired.clone());
        let (devices, jobs, connections) = (Family::default(), Family::default(), Family::default());
        registry.register("devices", "Devices by state", devices.clone());
        registry.register("jobs", "Jobs that are not over, by state", jobs.clone());
        registry.register("database_connections", "This server's connections to the database", connections.clone());
        let (rack_phones, rack_silence) = (Family::default(), Family::default());
        registry.register("rack_phones", "Phones of racks by host and by how they are doing", rack_phones.clone());
        let what = "Time since a rack's host reported";
        registry.register_with_unit("rack_silence", what, Unit::Seconds, rack_silence.clone());
        Self { registry, requests, durations, reports, expired, devices, jobs, connections, rack_phones, rack_silence }
    }
}

/// What is read when somebody asks.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Devices by state.
    pub devices: Vec<(String, i64)>,
    /// Jobs queued and leased.
    pub jobs: (u32, u32),
    /// Connections open and, of these, idle.
    pub connections: (u32, usize),
    /// Hosts of racks.
    pub racks: Vec<Rack>,
    /// Now, for what is silent.
    pub now: OffsetDateTime,
}

impl Metrics {
    /// Counts an answer.
    pub fn answered(&self, method: &str, route: &str, status: u16, seconds: f64) {
        let (method, route) = (method.to_owned(), route.to_owned());
        self.durations.get_or_create(&Route { method: method.clone(), route: route.clone() }).observe(seconds);
        self.requests.get_or_create(&Request { method, route, status }).inc();
    }

    /// Counts a stored report.
    pub fn reports_stored(&self) {
        self.reports.inc();
    }

    /// Counts leases that ran out.
    pub fn leases_expired(&self, count: usize) {
        self.expired.inc_by(count as u64);
    }

    /// Everything in the OpenMetrics text format.
    ///
    /// # Errors
    /// Only when a text cannot be written to memory.
    pub fn text(&self, snapshot: &Snapshot) -> Result<String, std::fmt::Error> {
        let set = |family: &Family<State, Gauge>, state: &str, count: i64| {
            family.get_or_create(&State { state: state.to_owned() }).set(count);
        };
        for state in ["idle", "leased", "cooling", "quarantined", "offline", "retired"] {
            let count = snapshot.devices.iter().find(|(name, _)| name == state).map_or(0, |(_, count)| *count);
            set(&self.devices, state, count);
        }
        set(&self.jobs, "queued", snapshot.jobs.0.into());
        set(&self.jobs, "leased", snapshot.jobs.1.into());
        let idle = i64::try_from(snapshot.connections.1).unwrap_or(i64::MAX);
        set(&self.connections, "idle", idle);
        set(&self.connections, "used", i64::from(snapshot.connections.0) - idle);
        self.set_racks(snapshot);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// A host that was forgotten has no figures.
    fn set_racks(&self, snapshot: &Snapshot) {
        self.rack_phones.clear();
        self.rack_silence.clear();
        for rack in &snapshot.racks {
            let silent = (snapshot.now - rack.reported_at).whole_seconds().max(0);
            self.rack_silence.get_or_create(&Host { host: rack.host.clone() }).set(silent);
            for phase in RackPhase::ALL {
                let count = rack.phones.iter().filter(|phone| phone.told.phase == phase).count();
                let labels = HostPhase { host: rack.host.clone(), phase: phase.word() };
                self.rack_phones.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use benchrack_protocol::rack::{RackPhone, RackPhoneStatus};
    use time::macros::datetime;

    use super::*;

    #[test]
    fn what_was_counted_is_in_the_text() {
        let metrics = Metrics::default();
        metrics.answered("GET", "/api/v1/runs/{id}", 200, 0.004);
        metrics.reports_stored();
        let now = datetime!(2026-11-25 12:00:30 UTC);
        let told =
            RackPhone { phone: "a".into(), model: None, device: None, phase: RackPhase::Working, reason: None, doing: None };
        let phones = vec![RackPhoneStatus { told, since: now }];
        let reported_at = datetime!(2026-11-25 12:00 UTC);
        let rack = Rack { host: "lab-4".into(), reported_at, phones, quarantines: Vec::new() };
        let snapshot = Snapshot { devices: vec![("idle".into(), 3)], jobs: (7, 2), connections: (5, 4), racks: vec![rack], now };
        let text = metrics.text(&snapshot).unwrap();
        for line in [
            r#"benchrack_http_requests_total{method="GET",route="/api/v1/runs/{id}",status="200"} 1"#,
            r#"benchrack_http_request_duration_seconds_bucket{le="0.005",method="GET",route="/api/v1/runs/{id}"} 1"#,
            "benchrack_reports_stored_total 1",
            r#"benchrack_devices{state="idle"} 3"#,
            r#"benchrack_devices{state="offline"} 0"#,
            r#"benchrack_jobs{state="queued"} 7"#,
            r#"benchrack_rack_phones{host="lab-4",phase="working"} 1"#,
            r#"benchrack_rack_phones{host="lab-4",phase="quarantined"} 0"#,
            r#"benchrack_rack_silence_seconds{host="lab-4"} 30"#,
            r#"benchrack_database_connections{state="used"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        let text = metrics.text(&Snapshot { racks: Vec::new(), ..snapshot }).unwrap();
        assert!(!text.contains("lab-4"), "a host that was forgotten has no figures");
    }
}
