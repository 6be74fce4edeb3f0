//! What the system says of itself around a measurement. One kernel file each; reading goes through the port.

pub mod contention;
pub mod cycles;
pub mod loadavg;
pub mod pmu;
pub mod pressure;
pub mod residency;
pub mod schedstat;
pub mod stat;
pub mod threads;
pub mod watch;
