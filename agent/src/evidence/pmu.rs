//! The processor's own cycle counter (perf_event_open(2), PERF_COUNT_HW_CPU_CYCLES), of this thread, where the kernel lets
//! this user have it.
//!
//! `perf_event_paranoid` of 2 and less lets everybody count their own threads in user mode; Android's 3 asks for root, or
//! for `setprop security.perf_harden 0` from the shell. Virtual machines mostly have no counter, and containers refuse.

use benchrack_protocol::reading::{Missing, Reading};

#[cfg(any(target_arch = "aarch64", target_arch = "x86_64"))]
mod counter {
    use std::io::ErrorKind;

    use perf_event::events::Hardware;
    use perf_event::{Builder, Counter};

    use super::{Missing, Reading};

    /// Counts this thread's cycles in user mode.
    pub struct Cycles(Counter);

    impl Cycles {
        /// The counter of the calling thread, on whatever CPU it runs.
        pub fn open() -> Reading<Self> {
            match Builder::new().kind(Hardware::CPU_CYCLES).build() {
                Ok(counter) => Reading::of(Self(counter)),
                Err(error) => {
                    let missing = match error.kind() {
                        ErrorKind::PermissionDenied => Missing::Denied,
                        // ENOENT, ENODEV, EOPNOTSUPP: no such counter. ENOSYS: no such call.
                        ErrorKind::NotFound | ErrorKind::Unsupported => Missing::Absent,
                        _ if error.raw_os_error() == Some(nix::libc::ENODEV) => Missing::Absent,
                        _ => Missing::Unavailable,
                    };
                    Reading::missing(missing, format!("perf_event_open, cycles: {error}"))
                }
            }
        }

        /// The cycles of some work; none where the kernel could not count all of it, because others use the counter.
        pub fn around<T>(&mut self, work: impl FnOnce() -> T) -> (T, Option<u64>) {
            let ready = self.0.reset().and_then(|()| self.0.enable());
            let result = work();
            let count = || {
                ready.ok()?;
                self.0.disable().ok()?;
                let read = self.0.read_count_and_time().ok()?;
                (read.time_running == read.time_enabled && read.time_running > 0).then_some(read.count)
            };
            (result, count())
        }
    }
}

#[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
mod counter {
    use super::{Missing, Reading};

    /// There is none in builds for this architecture.
    pub enum Cycles {}

    impl Cycles {
        /// Nothing.
        pub fn open() -> Reading<Self> {
            Reading::missing(Missing::NotAsked, format!("builds for {} do not ask for cycles", std::env::consts::ARCH))
        }

        /// Never called.
        pub fn around<T>(&mut self, _: impl FnOnce() -> T) -> (T, Option<u64>) {
            match *self {}
        }
    }
}

pub use counter::Cycles;

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn cycles_are_counted_or_there_is_a_reason_why_not() {
        let work = |turns: u64| move || (0..turns).fold(1u64, |sum, turn| black_box(sum.rotate_left(3) ^ turn));
        match Cycles::open() {
            Reading::Value { value: mut counter } => {
                let ((_, short), (_, long)) = (counter.around(work(100_000)), counter.around(work(1_000_000)));
                let (short, long) = short.zip(long).expect("nobody else counts");
                assert!(short >= 100_000 && long > 5 * short, "{short} and {long} cycles");
            }
            Reading::Missing { missing, detail } => {
                println!("{missing}: {detail}");
                assert!(missing != Missing::Invalid && detail.contains("cycles"), "{missing}: {detail}");
            }
        }
    }
}
